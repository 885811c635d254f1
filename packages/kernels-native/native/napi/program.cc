#include <string.h>

#include "arguments.h"
#include "backend.h"

namespace octavo {
namespace {

// A reader over the flat numbers that describe instructions and plans.
class Numbers {
 public:
  Numbers(Napi::Env env, Elements<double> elements) : env_(env), elements_(elements) {}
  bool done() const { return at_ == elements_.count; }
  double next() {
    if (done()) throw_status(env_, fail(Code::InvalidArgument, "the description of a program ends too early"));
    return elements_.data[at_++];
  }
  int64_t integer(int64_t low, int64_t high) {
    const double number = next();
    if (!(number >= double(low) && number <= double(high)) || number != double(int64_t(number))) {
      throw_status(env_, fail(Code::InvalidArgument, "the description of a program holds %g where an integer from %lld to %lld belongs", number,
                              (long long)low, (long long)high));
    }
    return int64_t(number);
  }
  std::vector<int> list(int64_t low, int64_t high) {
    std::vector<int> values(size_t(integer(0, 1 << 20)));
    for (int& value : values) value = int(integer(low, high));
    return values;
  }

 private:
  Napi::Env env_;
  Elements<double> elements_;
  size_t at_ = 0;
};

constexpr int64_t kMaxDim = int64_t(1) << 47;

// Calls visit(memory, bytes) for each of `count` typed arrays, which are the plan's tensors from `first` on.
template <class Visit>
void for_tensors(Napi::Env env, const Program& program, const Plan& plan, const Napi::Value& value, size_t first, size_t count, Visit visit) {
  const char* what = first == 0 ? "input" : "output";
  if (!value.IsArray() || value.As<Napi::Array>().Length() != count) {
    throw_status(env, fail(Code::InvalidArgument, "[run] expected %zu %ss", count, what));
  }
  const Napi::Array tensors = value.As<Napi::Array>();
  for (uint32_t i = 0; i < count; i++) {
    const Elements<uint8_t> memory = bytes_of(tensors.Get(i));
    const size_t bytes = program.tensor_bytes(plan, first + i);
    if (memory.count != bytes) {
      throw_status(env, fail(Code::InvalidArgument, "[run] %s %u does not hold the bytes of its plan (is its buffer detached?)", what, i));
    }
    visit(memory.data, bytes);
  }
}

// An asynchronous run: it holds its own copy of inputs and outputs, for the caller's may change or go while it runs,
// and an arena only while it computes, so that a long queue costs no more than its tensors.
struct Job {
  std::shared_ptr<Program> program;
  std::shared_ptr<Plan> plan;
  std::vector<Buffer> tensors;  // inputs, then outputs
  Status status;
  std::shared_ptr<std::atomic<bool>> abort = std::make_shared<std::atomic<bool>>(false);

  void run() {
    if (abort->load()) {
      status = fail(Code::Aborted, "[run] aborted by its signal");
      return;
    }
    Buffer arena = program->take_arena(plan->arena_bytes);
    if (arena.data() == nullptr) {
      status = fail(Code::OutOfMemory, "[run] no memory for %zu bytes of tensors", plan->arena_bytes);
      return;
    }
    while (status.ok() && tensors.size() < plan->inputs.size() + plan->outputs.size()) {
      Buffer output;
      const size_t bytes = program->tensor_bytes(*plan, tensors.size());
      if (!output.reserve(bytes)) status = fail(Code::OutOfMemory, "[run] no memory for an output of %zu bytes", bytes);
      tensors.push_back(std::move(output));
    }
    std::vector<uint8_t*> caller;
    for (const Buffer& tensor : tensors) caller.push_back(tensor.data());
    if (status.ok()) status = program->run(*plan, {arena.data(), caller.data()}, abort.get());
    program->give_arena(std::move(arena));
  }

  void answer(Napi::Env env, const Napi::Function& callback) const {
    const Napi::HandleScope scope(env);
    if (!status.ok()) {
      callback.Call({error_of(env, status).Value(), env.Null()});
      return;
    }
    const size_t inputs = plan->inputs.size();
    Napi::Array results = Napi::Array::New(env, plan->outputs.size());
    for (uint32_t i = 0; i < results.Length(); i++) {
      const size_t bytes = program->tensor_bytes(*plan, inputs + i);
      Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, bytes);
      if (bytes != 0) memcpy(buffer.Data(), tensors[inputs + i].data(), bytes);
      results.Set(i, buffer);
    }
    callback.Call({env.Null(), results});
  }
};

}  // namespace

Napi::Function NativeProgram::Define(Napi::Env env) {
  return DefineClass(env, "NativeProgram",
                     {InstanceMethod<&NativeProgram::AddPlan>("addPlan"), InstanceMethod<&NativeProgram::DropPlan>("dropPlan"),
                      InstanceMethod<&NativeProgram::Run>("run"), InstanceMethod<&NativeProgram::RunAsync>("runAsync"),
                      InstanceMethod<&NativeProgram::Dispose>("dispose")});
}

// (backend state, constants: operands by value or null, packed: handles by value or null, instructions: Float64Array,
// lent: booleans by value)
// instructions: for each, opcode, inputs (count, values), outputs (count, values), attrs (count, numbers).
NativeProgram::NativeProgram(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeProgram>(info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsExternal()) throw_status(env, fail(Code::InvalidArgument, "programs are made by a backend's createProgram"));
  state_ = *info[0].As<Napi::External<std::shared_ptr<BackendState>>>().Data();
  if (!info[1].IsArray() || !info[2].IsArray() || !info[4].IsArray()) throw_status(env, fail(Code::InvalidArgument, "constants, packed and lent must be arrays"));
  const Napi::Array constants_value = info[1].As<Napi::Array>(), packed_value = info[2].As<Napi::Array>(), lent_value = info[4].As<Napi::Array>();
  Napi::Array kept = Napi::Array::New(env);
  const uint32_t count = constants_value.Length();
  std::vector<View> constants(count);
  std::vector<Buffer> storage;
  for (uint32_t i = 0; i < count; i++) {
    const Napi::Value constant = constants_value.Get(i);
    View view = view_argument(constant);
    if (view.packed) {
      kept.Set(kept.Length(), constant);
    } else if (view.present && lent_value.Get(i).ToBoolean().Value()) {
      // No JavaScript code can reach this memory, so it stays as it is for as long as it is referenced.
      kept.Set(kept.Length(), constant.As<Napi::Array>().Get(uint32_t(2)));
    } else if (view.present) {
      // Native memory of its own: nothing native points into a buffer that JavaScript code can change after this call.
      Buffer bytes;
      if (!bytes.reserve(view.bytes() == 0 ? 1 : view.bytes())) throw_status(env, fail(Code::OutOfMemory, "no memory for a constant"));
      if (view.bytes() != 0) memcpy(bytes.data(), view.data, view.bytes());
      view.data = bytes.data();
      storage.push_back(std::move(bytes));
    }
    const Napi::Value packed = packed_value.Get(i);
    if (packed.IsExternal()) {
      view.packed = packed_argument(packed);
      kept.Set(kept.Length(), packed);
      if (!view.present) {  // else another op reads the constant as it is
        view.present = true;
        view.dtype = DType::Float32;
        view.rank = view.packed->rank;
        for (int d = 0; d < view.rank; d++) view.dims[d] = view.packed->dims[d];
      }
    }
    constants[i] = std::move(view);
  }
  Numbers numbers(env, double_elements(info[3], "instructions"));
  std::vector<Instruction> instructions;
  while (!numbers.done()) {
    Instruction instruction;
    const int opcode = int(numbers.integer(0, 1 << 20));
    instruction.op = find_op(size_t(opcode));
    if (instruction.op == nullptr) throw_status(env, fail(Code::Unsupported, "this addon has no op with opcode %d", opcode));
    instruction.inputs = numbers.list(-1, int64_t(count) - 1);
    instruction.outputs = numbers.list(0, int64_t(count) - 1);
    instruction.attrs.resize(size_t(numbers.integer(0, 4096)));
    for (double& attr : instruction.attrs) attr = numbers.next();
    instructions.push_back(std::move(instruction));
  }
  program_ = std::make_shared<Program>(state_->kernels, state_->pool, std::move(constants), std::move(storage), std::move(instructions));
  kept_ = Napi::Persistent(kept.As<Napi::Object>());
  external_bytes_ = int64_t(program_->constant_bytes());
  Napi::MemoryManagement::AdjustExternalMemory(env, external_bytes_);
}

void NativeProgram::Finalize(Napi::BasicEnv env) {
  if (program_) Napi::MemoryManagement::AdjustExternalMemory(env, -external_bytes_);
}

// What constants need, once this is disposed and no run reads them.
void NativeProgram::let_go() {
  if (!program_ && running_ == 0) kept_.Reset();
}

Napi::Value NativeProgram::Dispose(const Napi::CallbackInfo& info) {
  if (program_) Napi::MemoryManagement::AdjustExternalMemory(info.Env(), -external_bytes_);
  // Runs in flight hold references of their own; the memory goes with the last of them.
  program_.reset();
  plans_.clear();
  let_go();
  return info.Env().Undefined();
}

// addPlan(numbers: Float64Array) -> index. numbers: arena bytes; input values, output values (count, values); then for
// each value: 0 (a constant or unused), or 1 (arena) or 2 (caller), dtype, channels-last, rank, dims..., where.
Napi::Value NativeProgram::AddPlan(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!program_) throw_status(env, fail(Code::InvalidArgument, "[plan] this program was disposed"));
  const int64_t count = int64_t(program_->constants().size());
  Numbers numbers(env, double_elements(info[0], "a plan"));
  auto plan = std::make_shared<Plan>();
  plan->arena_bytes = size_t(numbers.integer(0, kMaxDim));
  plan->inputs = numbers.list(0, count - 1);
  plan->outputs = numbers.list(0, count - 1);
  plan->slots.resize(size_t(count));
  for (Slot& slot : plan->slots) {
    slot.place = static_cast<Place>(numbers.integer(0, 2));
    if (slot.place == Place::Constant) continue;
    slot.view.present = true;
    slot.view.dtype = static_cast<DType>(numbers.integer(0, int64_t(DType::Count) - 1));
    slot.view.channels_last = numbers.integer(0, 1) != 0;
    slot.view.rank = int(numbers.integer(0, kMaxRank));
    if (slot.view.channels_last && !has_channels(slot.view.rank)) {
      throw_status(env, fail(Code::InvalidShape, "[plan] a value is channels-last without a rank of 3 to 5"));
    }
    size_t size = 1;
    for (int i = 0; i < slot.view.rank; i++) {
      slot.view.dims[i] = numbers.integer(0, kMaxDim);
      if (__builtin_mul_overflow(size, size_t(slot.view.dims[i]), &size) || size > size_t(kMaxDim)) {
        throw_status(env, fail(Code::InvalidShape, "[plan] a value has too many elements"));
      }
    }
    slot.at = size_t(numbers.integer(0, kMaxDim));
    if (slot.place == Place::Arena && slot.at % 64 != 0) throw_status(env, fail(Code::InvalidArgument, "[plan] offsets must be multiples of 64"));
  }
  check(env, program_->check_plan(*plan));
  size_t index = 0;
  while (index < plans_.size() && plans_[index]) index++;
  if (index == plans_.size()) plans_.emplace_back();
  plans_[index] = std::move(plan);
  return Napi::Number::New(env, double(index));
}

Napi::Value NativeProgram::DropPlan(const Napi::CallbackInfo& info) {
  const size_t index = size_argument(info[0], "a plan's index");
  if (index < plans_.size()) plans_[index].reset();
  return info.Env().Undefined();
}

std::shared_ptr<Plan> NativeProgram::plan_argument(const Napi::Value& value) {
  const size_t index = size_argument(value, "a plan's index");
  if (!program_ || index >= plans_.size() || !plans_[index]) throw_status(value.Env(), fail(Code::InvalidArgument, "[run] no such plan"));
  return plans_[index];
}

// run(plan, inputs, outputs)
Napi::Value NativeProgram::Run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::shared_ptr<Plan> plan = plan_argument(info[0]);
  const std::shared_ptr<Program> program = program_;
  Buffer arena = program->take_arena(plan->arena_bytes);
  if (arena.data() == nullptr) throw_status(env, fail(Code::OutOfMemory, "[run] no memory for %zu bytes of tensors", plan->arena_bytes));
  // Kept between runs, so that a steady state allocates nothing.
  static thread_local std::vector<uint8_t*> caller;
  caller.clear();
  const size_t inputs = plan->inputs.size();
  const auto place = [](uint8_t* data, size_t) { caller.push_back(data); };
  for_tensors(env, *program, *plan, info[1], 0, inputs, place);
  for_tensors(env, *program, *plan, info[2], inputs, plan->outputs.size(), place);
  const Status status = program->run(*plan, {arena.data(), caller.data()}, nullptr);
  program->give_arena(std::move(arena));
  check(env, status);
  return env.Undefined();
}

// runAsync(plan, inputs, done(error, outputs)) -> abort(). The inputs are copied before this returns.
Napi::Value NativeProgram::RunAsync(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto job = std::make_shared<Job>();
  job->plan = plan_argument(info[0]);
  job->program = program_;
  for_tensors(env, *job->program, *job->plan, info[1], 0, job->plan->inputs.size(), [&](const uint8_t* data, size_t bytes) {
    Buffer copy;
    if (!copy.reserve(bytes)) throw_status(env, fail(Code::OutOfMemory, "[run] no memory to copy an input"));
    if (bytes != 0) memcpy(copy.data(), data, bytes);
    job->tensors.push_back(std::move(copy));
  });
  if (!info[2].IsFunction()) throw_status(env, fail(Code::InvalidArgument, "[run] done must be a function"));
  Napi::ThreadSafeFunction done = Napi::ThreadSafeFunction::New(env, info[2].As<Napi::Function>(), info.This().As<Napi::Object>(), "octavo run", 0, 1);
  // This object is the resource of the call, which keeps it, and so the dispatcher, until the answer is given.
  state_->running.add(job->abort);
  // The dispatcher belongs to the state and so must not keep it alive: it is joined before the state goes.
  BackendState* state = state_.get();
  running_++;
  state_->dispatcher.post([job, done, state, this]() mutable {
    job->run();
    state->running.remove(job->abort);
    // Where the environment is closing, nobody waits for the answer and the call says so.
    done.BlockingCall([job, this](Napi::Env js, Napi::Function callback) {
      running_--;
      let_go();
      job->answer(js, callback);
    });
    done.Release();
  });
  const std::shared_ptr<std::atomic<bool>> abort = job->abort;
  return Napi::Function::New(env, [abort](const Napi::CallbackInfo&) { abort->store(true); });
}

}  // namespace octavo
