#include "backend.h"

#include "../runtime/cpu.h"
#include "../runtime/float_control.h"
#include "../runtime/peak.h"
#include "../runtime/unpack.h"
#include "arguments.h"

namespace octavo {
Napi::Function NativeBackend::Define(Napi::Env env) {
  return DefineClass(env, "NativeBackend",
                     {InstanceAccessor<&NativeBackend::Isa>("isa"), InstanceAccessor<&NativeBackend::KernelNames>("kernelNames"),
                      InstanceAccessor<&NativeBackend::Threads>("threads"),
                      InstanceMethod<&NativeBackend::MeasurePeak>("measurePeak"),
                      InstanceMethod<&NativeBackend::PackLinear>("packLinear"), InstanceMethod<&NativeBackend::PackConv>("packConv"),
                      InstanceMethod<&NativeBackend::PackFloat>("packFloat"), InstanceMethod<&NativeBackend::PackFloatConv>("packFloatConv"),
                      InstanceMethod<&NativeBackend::PackGrouped>("packGrouped"),
                      InstanceMethod<&NativeBackend::Unpack>("unpack"), InstanceMethod<&NativeBackend::AlignedOffset>("alignedOffset"),
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

Napi::Value NativeBackend::MeasurePeak(const Napi::CallbackInfo& info) {
  const FloatControl control;
  PeakRates rates;
  const Status status = measure_peak(state_->kernels, &rates);
  if (!status.ok()) throw_status(info.Env(), status);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("float32", rates.float32);
  result.Set("int8", rates.int8);
  return result;
}

namespace {

// scales, zeroPoints, bias or null, perChannel: four arguments from `at` on, for `columns` columns of a weight.
void column_arguments(const Napi::CallbackInfo& info, size_t at, size_t columns, Int8Weight* weight) {
  const Elements<float> scales = float_elements(info[at], "scales");
  const Elements<int32_t> zeros = int32_elements(info[at + 1], "zeroPoints");
  const bool has_bias = !info[at + 2].IsNull();
  const Elements<float> bias = has_bias ? float_elements(info[at + 2], "bias") : Elements<float>{nullptr, columns};
  weight->per_channel = info[at + 3].ToBoolean().Value();
  const size_t count = weight->per_channel ? columns : 1;
  if (scales.count != count || zeros.count != count || bias.count != columns) {
    throw_status(info.Env(), fail(Code::InvalidShape, "scales, zero points and bias do not fit a weight of %zu columns", columns));
  }
  for (size_t i = 0; i < count; i++) {
    if (zeros.data[i] < -128 || zeros.data[i] > 127) throw_status(info.Env(), fail(Code::InvalidData, "a weight's zero point is no int8 code"));
  }
  weight->scales = scales.data, weight->zeros = zeros.data, weight->bias = bias.data;
}

// Gates that the n rows of a weight stack: 1 for a linear.
size_t gates_argument(const Napi::Value& value, size_t n) {
  const size_t gates = size_argument(value, "gates");
  if (gates < 1 || n % gates != 0) throw_status(value.Env(), fail(Code::InvalidShape, "%zu gates do not divide a weight of %zu rows", gates, n));
  return gates;
}

// Packed weights as a handle. given: nobody else has the array `weight`, in whose memory panels may lie now; else it is freed.
Napi::Value given_handle(Napi::Env env, std::shared_ptr<PackedWeight> packed, bool given, const Napi::Value& weight) {
  if (!given) return packed_handle(env, std::move(packed));
  if (packed->panels.own_bytes() == 0) return packed_handle(env, std::move(packed), weight.As<Napi::Object>());
  weight.As<Napi::TypedArray>().ArrayBuffer().Detach();
  return packed_handle(env, std::move(packed));
}

}  // namespace

// packLinear(codes: Int8Array, n, k, scales: Float32Array, zeroPoints: Int32Array, bias: Float32Array | null,
//            perChannel: boolean, gates, given: boolean) -> handle
Napi::Value NativeBackend::PackLinear(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Elements<int8_t> codes = int8_elements(info[0], "codes");
  Int8Weight weight = {codes.data, 1, size_argument(info[1], "n"), size_argument(info[2], "k"), 1, nullptr, nullptr, true, nullptr};
  size_t size;
  if (__builtin_mul_overflow(weight.n, weight.channels, &size) || codes.count != size) {
    throw_status(env, fail(Code::InvalidShape, "codes do not fit a weight [%zu, %zu] (is their buffer detached?)", weight.n, weight.channels));
  }
  weight.gates = gates_argument(info[7], weight.n);
  column_arguments(info, 3, weight.n, &weight);
  const bool given = info[8].ToBoolean().Value();
  if (given) weight.place = codes.data;
  std::shared_ptr<PackedWeight> packed;
  check(env, pack_s8(state_->kernels, weight, ConvGeometry(), &packed));
  return given_handle(env, std::move(packed), given, info[0]);
}

// packConv(codes: Int8Array, dims, scales: Float32Array, zeroPoints: Int32Array, bias: Float32Array | null,
//          perChannel: boolean, geometry: Float64Array) -> handle. dims: [out, in / groups, ...kernel], or
// [in, out / groups, ...kernel] where transposed. geometry: groups, transposed (0 or 1), then for each spatial axis
// stride, dilation, padding at its begin and its end, output padding.
Napi::Value NativeBackend::PackConv(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Elements<int8_t> codes = int8_elements(info[0], "codes");
  const Elements<double> numbers = double_elements(info[6], "geometry");
  if (!info[1].IsArray()) throw_status(env, fail(Code::InvalidArgument, "dims must be an array"));
  const Napi::Array dims = info[1].As<Napi::Array>();
  ConvGeometry geometry;
  geometry.rank = int(dims.Length()) - 2;
  if (geometry.rank < 1 || geometry.rank > kSpatialAxes || numbers.count != 2 + 5 * size_t(geometry.rank)) {
    throw_status(env, fail(Code::InvalidShape, "a convolution's weight has 1, 2 or 3 kernel axes and five numbers for each"));
  }
  // Small enough that no product of two of them overflows 64 bits.
  const auto small = [&](double number, double least) {
    if (!(number >= least && number <= 0x7fffffff) || number != double(size_t(number))) {
      throw_status(env, fail(Code::InvalidArgument, "a convolution's geometry holds %g", number));
    }
    return size_t(number);
  };
  const auto dim = [&](uint32_t i) { return small(double(size_argument(dims.Get(i), "a weight's dim")), 1); };
  const size_t groups = small(numbers.data[0], 1), first = dim(0), second = dim(1);
  geometry.transposed = small(numbers.data[1], 0) != 0;
  if (first % groups != 0) throw_status(env, fail(Code::InvalidShape, "%zu groups do not divide a weight of %zu rows", groups, first));
  size_t size = first * second, taps = 1;
  bool overflow = false;
  for (int i = 0; i < geometry.rank; i++) {
    const double* axis = numbers.data + 2 + 5 * i;
    const size_t kernel = dim(uint32_t(i) + 2);
    geometry.axes[kSpatialAxes - geometry.rank + i] = {kernel,           small(axis[0], 1), small(axis[1], 1),
                                                       small(axis[2], 0), small(axis[3], 0), small(axis[4], 0)};
    taps *= kernel;
    overflow = overflow || __builtin_mul_overflow(size, kernel, &size);
  }
  if (overflow || codes.count != size) throw_status(env, fail(Code::InvalidShape, "the codes do not fit the dims of a convolution's weight"));
  const bool transposed = geometry.transposed;
  Int8Weight weight = {codes.data, groups, transposed ? second : first / groups, transposed ? first / groups : second, taps,
                       nullptr, nullptr, true, nullptr};
  column_arguments(info, 2, groups * weight.n, &weight);
  std::shared_ptr<PackedWeight> packed;
  check(env, pack_s8(state_->kernels, weight, geometry, &packed));
  return packed_handle(env, std::move(packed));
}

// packFloat(weight: Float32Array, n, k, gates, given: boolean) -> handle
Napi::Value NativeBackend::PackFloat(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Elements<float> weight = float_elements(info[0], "weight");
  const size_t n = size_argument(info[1], "n"), k = size_argument(info[2], "k");
  size_t size;
  if (__builtin_mul_overflow(n, k, &size) || weight.count != size) {
    throw_status(env, fail(Code::InvalidShape, "the data does not fit a weight [%zu, %zu] (is its buffer detached?)", n, k));
  }
  const bool given = info[4].ToBoolean().Value();
  std::shared_ptr<PackedWeight> packed;
  check(env, pack_linear_f32(weight.data, n, k, gates_argument(info[3], n), given, &packed));
  return given_handle(env, std::move(packed), given, info[0]);
}

// packFloatConv(weight: Float32Array, dims, groups, transposed) -> handle
Napi::Value NativeBackend::PackFloatConv(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Elements<float> values = float_elements(info[0], "weight");
  FloatConvWeight weight = {values.data, 0, {}, size_argument(info[2], "groups"), info[3].ToBoolean().Value()};
  const Napi::Array dims = info[1].IsArray() ? info[1].As<Napi::Array>() : Napi::Array::New(env);
  weight.rank = int(dims.Length());
  bool fits = weight.rank >= 3 && weight.rank <= 2 + kSpatialAxes && weight.groups >= 1;
  size_t size = 1;
  for (int i = 0; fits && i < weight.rank; i++) {
    weight.dims[i] = int64_t(size_argument(dims.Get(uint32_t(i)), "a dimension"));
    fits = weight.dims[i] >= 1 && !__builtin_mul_overflow(size, size_t(weight.dims[i]), &size);
  }
  if (!fits || size != values.count || size_t(weight.dims[0]) % weight.groups != 0) {
    throw_status(env, fail(Code::InvalidShape, "the data, dims and groups do not fit a float convolution's weight"));
  }
  std::shared_ptr<PackedWeight> packed;
  check(env, pack_conv_f32(weight, &packed));
  return packed_handle(env, std::move(packed));
}

// packGrouped(codes: Uint8Array, scales: Float32Array, zeroPoints: Uint8Array, n, k, bits, groupSize) -> handle
Napi::Value NativeBackend::PackGrouped(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Elements<uint8_t> codes = uint8_elements(info[0], "codes");
  const Elements<float> scales = float_elements(info[1], "scales");
  const Elements<uint8_t> zeros = uint8_elements(info[2], "zeroPoints");
  const GroupedWeight weight = {codes.data, scales.data, zeros.data, size_argument(info[3], "n"), size_argument(info[4], "k"),
                                size_argument(info[5], "bits"), size_argument(info[6], "groupSize")};
  size_t size, parameters;
  if ((weight.bits != 8 && weight.bits != 4) || weight.group_size == 0 || __builtin_mul_overflow(weight.n, weight.k, &size) ||
      weight.k % (8 / weight.bits) != 0 || codes.count != size / (8 / weight.bits) ||
      __builtin_mul_overflow(weight.n, weight.groups(), &parameters) || scales.count != parameters || zeros.count != parameters) {
    throw_status(env, fail(Code::InvalidShape, "codes, scales and zero points do not fit a weight [%zu, %zu] in groups", weight.n, weight.k));
  }
  std::shared_ptr<PackedWeight> packed;
  check(env, pack_grouped(weight, &packed));
  return packed_handle(env, std::move(packed));
}

// unpack(handle, elements: Int8Array | Float32Array): all of it is written.
Napi::Value NativeBackend::Unpack(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::shared_ptr<PackedWeight> packed = packed_argument(info[0]);
  const bool floats = packed->kind == PackedWeight::kFloat;
  const Elements<float> to = floats ? float_elements(info[1], "elements") : Elements<float>{nullptr, 0};
  const Elements<int8_t> codes = floats ? Elements<int8_t>{nullptr, 0} : int8_elements(info[1], "elements");
  if (!is_unpackable(*packed) || (floats ? to.count : codes.count) != packed->n * packed->k) {
    throw_status(env, fail(Code::InvalidArgument, "elements of another kind or size than those of the packed weight"));
  }
  if (floats) unpack_f32(*packed, to.data);
  else unpack_s8(*packed, codes.data);
  return env.Undefined();
}

// alignedOffset(memory: ArrayBuffer) -> offset: see `src/native.ts`.
Napi::Value NativeBackend::AlignedOffset(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsArrayBuffer()) throw_status(env, fail(Code::InvalidArgument, "memory must be an ArrayBuffer"));
  constexpr uintptr_t kCacheLine = 64;
  return Napi::Number::New(env, double(-reinterpret_cast<uintptr_t>(info[0].As<Napi::ArrayBuffer>().Data()) % kCacheLine));
}

// runOp(numbers: Float64Array, ...data), see `src/native.ts`.
Napi::Value NativeBackend::RunOp(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Elements<double> laid_out = double_elements(info[0], "numbers");
  CallNumbers numbers = {env, laid_out.data, laid_out.data + laid_out.count};
  const Op* op = find_op(numbers.next("opcode"));
  if (op == nullptr) throw_status(env, fail(Code::Unsupported, "this addon has no such op"));
  const Elements<const double> attrs = numbers.list("attributes");
  const size_t inputs = numbers.next("the count of inputs"), outputs = numbers.next("the count of outputs");
  if (inputs > info.Length() || outputs > info.Length() || info.Length() != 1 + inputs + outputs) {
    throw_status(env, fail(Code::InvalidArgument, "runOp got %zu arguments for %zu inputs and %zu outputs", info.Length(), inputs, outputs));
  }
  // Kept between calls, so that a steady state allocates nothing; emptied, so that they keep no weights alive.
  static thread_local std::vector<View> views;
  struct Emptier {
    ~Emptier() { views.clear(); }
  } emptier;
  for (size_t i = 0; i < inputs + outputs; i++) views.push_back(view_argument(&numbers, info[1 + i]));
  Call call = {op->name, views.data(), inputs, views.data() + inputs, outputs, attrs.data, attrs.count, state_->kernels, state_->pool.get()};
  const FloatControl control;
  check(env, run_op(*op, call));
  return env.Undefined();
}

// createProgram(constants, packed, instructions, lent) -> NativeProgram, see `src/native.ts`.
Napi::Value NativeBackend::CreateProgram(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::shared_ptr<BackendState> state = state_;
  const Napi::External<std::shared_ptr<BackendState>> shared = Napi::External<std::shared_ptr<BackendState>>::New(env, &state);
  return env.GetInstanceData<AddonData>()->program.New({shared, info[0], info[1], info[2], info[3]});
}

}  // namespace octavo
