#include "backend.h"

#include "../runtime/cpu.h"
#include "../runtime/float_control.h"
#include "arguments.h"

namespace octavo {
namespace {

std::vector<View> views_argument(const Napi::Value& value, const char* name) {
  if (!value.IsArray()) throw_status(value.Env(), fail(Code::InvalidArgument, "%s must be an array of operands", name));
  const Napi::Array array = value.As<Napi::Array>();
  std::vector<View> views;
  views.reserve(array.Length());
  for (uint32_t i = 0; i < array.Length(); i++) views.push_back(view_argument(array.Get(i)));
  return views;
}

}  // namespace

Napi::Function NativeBackend::Define(Napi::Env env) {
  return DefineClass(env, "NativeBackend",
                     {InstanceAccessor<&NativeBackend::Isa>("isa"), InstanceAccessor<&NativeBackend::KernelNames>("kernelNames"),
                      InstanceAccessor<&NativeBackend::Threads>("threads"),
                      InstanceMethod<&NativeBackend::PackLinear>("packLinear"), InstanceMethod<&NativeBackend::PackFloat>("packFloat"),
                      InstanceMethod<&NativeBackend::RunOp>("runOp"), InstanceMethod<&NativeBackend::CreateProgram>("createProgram")});
}

// new NativeBackend(cap | null, threads)
NativeBackend::NativeBackend(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeBackend>(info) {
  Napi::Env env = info.Env();
  const std::string cap = info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : "";
  const octavo_kernels* kernels = choose_kernels(cap.empty() ? nullptr : cap.c_str());
  if (kernels == nullptr) throw_status(env, fail(Code::InvalidArgument, "unknown instruction set '%s'", cap.c_str()));
  const size_t threads = size_argument(info[1], "threads");
  if (threads < 1 || threads > 256) throw_status(env, fail(Code::InvalidArgument, "threads must be between 1 and 256"));
  state_ = std::make_shared<BackendState>();
  state_->kernels = kernels;
  state_->pool = shared_pool(threads);
  // A worker that ends: its runs stop between instructions, and the dispatcher is joined before its memory goes.
  std::weak_ptr<BackendState> weak = state_;
  env.AddCleanupHook([weak]() {
    if (const std::shared_ptr<BackendState> state = weak.lock()) {
      state->running.abort_all();
      state->dispatcher.stop();
    }
  });
}

Napi::Value NativeBackend::Isa(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), state_->kernels->isa); }

Napi::Value NativeBackend::KernelNames(const Napi::CallbackInfo& info) {
  Napi::Object names = Napi::Object::New(info.Env());
  names.Set("gemmF32", state_->kernels->gemm_f32_name);
  names.Set("gemmU8S8", state_->kernels->gemm_u8s8_name);
  return names;
}

Napi::Value NativeBackend::Threads(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), double(state_->pool->threads())); }

// packLinear(codes: Int8Array, n, k, scales: Float32Array, zeroPoints: Int32Array, bias: Float32Array | null) -> handle
Napi::Value NativeBackend::PackLinear(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Elements<int8_t> codes = int8_elements(info[0], "codes");
  const size_t n = size_argument(info[1], "n"), k = size_argument(info[2], "k");
  const Elements<float> scales = float_elements(info[3], "scales");
  const Elements<int32_t> zeros = int32_elements(info[4], "zeroPoints");
  const bool has_bias = !info[5].IsNull();
  const Elements<float> bias = has_bias ? float_elements(info[5], "bias") : Elements<float>{nullptr, n};
  size_t size;
  if (__builtin_mul_overflow(n, k, &size) || codes.count != size || (scales.count != 1 && scales.count != n) || zeros.count != scales.count ||
      bias.count != n) {
    throw_status(env, fail(Code::InvalidShape, "codes, scales, zero points and bias do not fit a weight [%zu, %zu]", n, k));
  }
  std::shared_ptr<PackedWeight> packed;
  check(env, pack_linear_s8(state_->kernels, codes.data, n, k, scales.data, zeros.data, scales.count, bias.data, &packed));
  return packed_handle(env, std::move(packed));
}

// packFloat(weight: Float32Array, n, k) -> handle
Napi::Value NativeBackend::PackFloat(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Elements<float> weight = float_elements(info[0], "weight");
  const size_t n = size_argument(info[1], "n"), k = size_argument(info[2], "k");
  size_t size;
  if (__builtin_mul_overflow(n, k, &size) || weight.count != size) {
    throw_status(env, fail(Code::InvalidShape, "the data does not fit a weight [%zu, %zu]", n, k));
  }
  std::shared_ptr<PackedWeight> packed;
  check(env, pack_linear_f32(weight.data, n, k, &packed));
  return packed_handle(env, std::move(packed));
}

// runOp(opcode, attrs: Float64Array, inputs, outputs)
Napi::Value NativeBackend::RunOp(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Op* op = find_op(int(size_argument(info[0], "opcode")));
  if (op == nullptr) throw_status(env, fail(Code::Unsupported, "this addon has no such op"));
  const Elements<double> attrs = double_elements(info[1], "attrs");
  const std::vector<View> inputs = views_argument(info[2], "inputs");
  std::vector<View> outputs = views_argument(info[3], "outputs");
  Call call = {op->name, inputs.data(), inputs.size(), outputs.data(), outputs.size(), attrs.data, attrs.count, state_->kernels, state_->pool.get()};
  const FloatControl control;
  check(env, op->run(call));
  return env.Undefined();
}

// createProgram(constants, packed, instructions) -> NativeProgram, see `src/native.ts`.
Napi::Value NativeBackend::CreateProgram(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::shared_ptr<BackendState> state = state_;
  const Napi::External<std::shared_ptr<BackendState>> shared = Napi::External<std::shared_ptr<BackendState>>::New(env, &state);
  return env.GetInstanceData<AddonData>()->program.New({shared, info[0], info[1], info[2]});
}

}  // namespace octavo
