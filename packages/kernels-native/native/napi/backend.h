// The backend as JavaScript sees it: an instruction set, a pool and a dispatcher thread; ops and programs run on them.
#pragma once
#include <napi.h>

#include <set>

#include "../runtime/dispatcher.h"
#include "../runtime/program.h"

namespace octavo {

// Flags of the asynchronous runs that are queued or running, so that an environment that ends can stop them.
class RunningFlags {
 public:
  void add(std::shared_ptr<std::atomic<bool>> flag) {
    std::lock_guard<std::mutex> lock(mutex_);
    flags_.insert(std::move(flag));
  }
  void remove(const std::shared_ptr<std::atomic<bool>>& flag) {
    std::lock_guard<std::mutex> lock(mutex_);
    flags_.erase(flag);
  }
  void abort_all() {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& flag : flags_) flag->store(true);
  }

 private:
  std::mutex mutex_;
  std::set<std::shared_ptr<std::atomic<bool>>> flags_;
};

// What a backend and its programs share.
struct BackendState {
  const octavo_kernels* kernels;
  std::shared_ptr<ThreadPool> pool;
  Dispatcher dispatcher;
  RunningFlags running;
};

class NativeBackend : public Napi::ObjectWrap<NativeBackend> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit NativeBackend(const Napi::CallbackInfo& info);

 private:
  Napi::Value Isa(const Napi::CallbackInfo& info);
  Napi::Value KernelNames(const Napi::CallbackInfo& info);
  Napi::Value Threads(const Napi::CallbackInfo& info);
  Napi::Value MeasurePeak(const Napi::CallbackInfo& info);
  Napi::Value PackLinear(const Napi::CallbackInfo& info);
  Napi::Value PackConv(const Napi::CallbackInfo& info);
  Napi::Value PackFloatConv(const Napi::CallbackInfo& info);
  Napi::Value PackGrouped(const Napi::CallbackInfo& info);
  Napi::Value PackFloat(const Napi::CallbackInfo& info);
  Napi::Value Unpack(const Napi::CallbackInfo& info);
  Napi::Value AlignedOffset(const Napi::CallbackInfo& info);
  Napi::Value RunOp(const Napi::CallbackInfo& info);
  Napi::Value CreateProgram(const Napi::CallbackInfo& info);

  std::shared_ptr<BackendState> state_;
};

class NativeProgram : public Napi::ObjectWrap<NativeProgram> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit NativeProgram(const Napi::CallbackInfo& info);
  ~NativeProgram() override = default;
  void Finalize(Napi::BasicEnv env) override;

 private:
  Napi::Value AddPlan(const Napi::CallbackInfo& info);
  Napi::Value DropPlan(const Napi::CallbackInfo& info);
  Napi::Value Run(const Napi::CallbackInfo& info);
  Napi::Value RunAsync(const Napi::CallbackInfo& info);
  Napi::Value Dispose(const Napi::CallbackInfo& info);
  std::shared_ptr<Plan> plan_argument(const Napi::Value& value);
  void let_go();

  std::shared_ptr<BackendState> state_;
  std::shared_ptr<Program> program_;
  std::vector<std::shared_ptr<Plan>> plans_;
  // Arrays that constants point into and no JavaScript code can reach, and packed weights, which may keep such arrays.
  Napi::ObjectReference kept_;
  size_t running_ = 0;          // asynchronous runs whose answer is owed; of the JavaScript thread alone
  int64_t external_bytes_ = 0;
};

// Constructors and what else belongs to one environment: workers have their own.
struct AddonData {
  Napi::FunctionReference backend, program;
};

}  // namespace octavo
