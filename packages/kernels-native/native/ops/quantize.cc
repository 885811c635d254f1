#include <math.h>

#include "../runtime/choose_qparams.h"
#include "quantize_image.h"
#include "quantized.h"

namespace octavo {
namespace {

struct Range {
  double low, high;
};

// code = clamp(zero + rint(x * inverse)): the zero point outside the rounding, as quantize_per_tensor of PyTorch. A
// product beyond int32 saturates (PyTorch's wraps there); a NaN product becomes the zero point.
template <class T> T quantize_plain(float x, float inverse, int32_t zero, Range range) {
  const float steps = x * inverse;
  if (steps != steps) return T(zero);
  const double code = double(nearbyintf(steps)) + double(zero);
  return T(code < range.low ? range.low : code > range.high ? range.high : code);
}

// The same for a run of values that share a pair. In 8 bits all of it is float32, for the compiler to keep in vectors:
// steps beyond 2^20 saturate whatever the zero point, and below it adding 1.5 * 2^23 rounds half to even.
template <class T> void quantize_run(const float* x, size_t n, float inverse, int32_t zero, Range range, T* codes) {
  constexpr int32_t kMostZero = 1 << 16;
  if (sizeof(T) > 1 || zero < -kMostZero || zero > kMostZero) {
    for (size_t i = 0; i < n; i++) codes[i] = quantize_plain<T>(x[i], inverse, zero, range);
    return;
  }
  constexpr float kMostSteps = 1 << 20, kRound = 12582912.0f;
  const float shift = float(zero), low = float(range.low), high = float(range.high);
  for (size_t i = 0; i < n; i++) {
    const float steps = x[i] * inverse;
    const float number = steps == steps ? steps : 0.0f;
    const float above = number > -kMostSteps ? number : -kMostSteps;
    const float limited = above < kMostSteps ? above : kMostSteps;
    const float code = (limited + kRound) - kRound + shift;
    const float raised = code > low ? code : low;
    codes[i] = T(int32_t(raised < high ? raised : high));
  }
}

template <class Fn> Status by_storage(const Call& call, DType storage, Fn run) {
  switch (storage) {
    case DType::Uint8: run(uint8_t(), Range{0, 255}); return {};
    case DType::Int8: run(int8_t(), Range{-128, 127}); return {};
    case DType::Int32: run(int32_t(), Range{-2147483648.0, 2147483647.0}); return {};
    default: return fail(Code::InvalidDtype, "[%s] codes must be uint8, int8 or int32", call.op);
  }
}

Status expect_qparams(const Call& call, const View& scales, const View& zeros, size_t count) {
  OCTAVO_TRY(expect_tensor(call, "scales", scales, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "zeroPoints", zeros, DType::Int32));
  OCTAVO_TRY(expect_size(call, "scales", scales, count));
  return expect_size(call, "zeroPoints", zeros, count);
}

Status choose(Call& call, size_t rows, size_t columns) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 2));
  OCTAVO_TRY(expect_qparams(call, call.outputs[0], call.outputs[1], rows));
  for_row_chunks(call, rows, columns, [&](size_t from, size_t to) {
    for (size_t r = from; r < to; r++) {
      float min, max;
      call.kernels->finite_range(call.inputs[0].floats() + r * columns, columns, &min, &max);
      const QParams q = choose_qparams(min, max, call.attr_int(0) != 0);
      call.outputs[0].floats()[r] = q.scale;
      call.outputs[1].as<int32_t>()[r] = q.zero_point;
    }
  });
  return {};
}

// Blocks of `inner` elements that share one pair of qparams, `count` pairs repeating over the tensor.
Status quantize_blocks(Call& call, DType storage, size_t count, size_t inner) {
  const View& x = call.inputs[0];
  OCTAVO_TRY(expect_tensor(call, "codes", call.outputs[0], storage));
  OCTAVO_TRY(expect_size(call, "codes", call.outputs[0], x.size()));
  OCTAVO_TRY(expect_qparams(call, call.inputs[1], call.inputs[2], count));
  if (x.size() == 0) return {};
  return by_storage(call, storage, [&](auto zero_of_type, Range range) {
    using T = decltype(zero_of_type);
    T* codes = call.outputs[0].as<T>();
    for_row_chunks(call, x.size() / inner, inner * 2, [&](size_t from, size_t to) {
      for (size_t block = from; block < to; block++) {
        const float inverse = 1.0f / call.inputs[1].floats()[block % count];
        const int32_t zero = call.inputs[2].as<int32_t>()[block % count];
        quantize_run(x.floats() + block * inner, inner, inverse, zero, range, codes + block * inner);
      }
    });
  });
}

// Zero points that float32 sums with codes hold exactly; others take the plain loop.
bool is_small(int32_t zero) { return zero >= -(1 << 22) && zero <= 1 << 22; }

bool is_bytes(const View& codes) { return codes.dtype == DType::Uint8 || codes.dtype == DType::Int8; }

}  // namespace

// x -> scale [1], zeroPoint [1]. attrs: reduceRange.
Status choose_qparams_per_tensor(Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 2));
  OCTAVO_TRY(expect_tensor(call, "x", call.inputs[0], DType::Float32));
  return choose(call, 1, call.inputs[0].size());
}

// x [..., k] -> scales [rows], zeroPoints [rows]. attrs: reduceRange.
Status choose_qparams_per_row(Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 2));
  OCTAVO_TRY(expect_tensor(call, "x", call.inputs[0], DType::Float32));
  return choose(call, call.outputs[0].size(), call.inputs[0].columns() * (call.inputs[0].size() != 0));
}

// x, scale [1], zeroPoint [1] -> codes. attrs: dtype of the codes.
Status quantize_per_tensor(Call& call) {
  OCTAVO_TRY(expect_operands(call, 3, 3, 1));
  OCTAVO_TRY(expect_tensor(call, "x", call.inputs[0], DType::Float32));
  const View &x = call.inputs[0], &codes = call.outputs[0];
  OCTAVO_TRY(expect_tensor(call, "codes", codes, DType(call.attr_int(0))));
  OCTAVO_TRY(expect_same_dims(call, "codes", codes, x));
  OCTAVO_TRY(expect_qparams(call, call.inputs[1], call.inputs[2], 1));
  if (x.size() == 0) return {};
  const int32_t zero = *call.inputs[2].as<int32_t>();
  if (is_bytes(codes) && is_small(zero)) {
    const octavo_to_codes to = to_codes(code_type(codes), 1.0f / *call.inputs[1].floats(), zero);
    const auto quantize = [&](size_t at, size_t n, uint8_t* y) { call.kernels->codes->quantize(x.floats() + at, &to, y, n); };
    if (codes.channels_last && !x.channels_last) {
      quantize_into_channels_last(call, x, codes.data, quantize);
      return {};
    }
    if (codes.channels_last == x.channels_last) {
      for_row_chunks(call, x.size(), 2, [&](size_t from, size_t end) { quantize(from, end - from, codes.data + from); });
      return {};
    }
  }
  if (codes.channels_last || x.channels_last) return fail(Code::InvalidArgument, "[%s] does not take these orders of memory", call.op);
  // Blocks only share out the work here: every one of them has the same pair.
  return quantize_blocks(call, codes.dtype, 1, x.columns());
}

// x [..., k], scales and zeroPoints [rows] -> uint8 codes, with the zero point inside the rounding.
Status quantize_per_row(Call& call) {
  OCTAVO_TRY(expect_operands(call, 3, 3, 1));
  const View& x = call.inputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "codes", call.outputs[0], DType::Uint8));
  OCTAVO_TRY(expect_size(call, "codes", call.outputs[0], x.size()));
  if (x.size() == 0) return {};
  OCTAVO_TRY(expect_qparams(call, call.inputs[1], call.inputs[2], x.rows()));
  const size_t columns = x.columns();
  for_row_chunks(call, x.rows(), columns, [&](size_t from, size_t to) {
    for (size_t r = from; r < to; r++) {
      call.kernels->quantize_fma(x.floats() + r * columns, columns, 1.0f / call.inputs[1].floats()[r],
                                 float(call.inputs[2].as<int32_t>()[r]), call.outputs[0].data + r * columns);
    }
  });
  return {};
}

// x, scales and zeroPoints of one axis -> codes. attrs: axis, dtype of the codes.
Status quantize_per_channel(Call& call) {
  OCTAVO_TRY(expect_operands(call, 3, 3, 1));
  const View& x = call.inputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Float32));
  const int64_t asked = call.attr_int(0), axis = asked < 0 ? asked + x.rank : asked;
  if (axis < 0 || axis >= x.rank) return fail(Code::InvalidShape, "[%s] no such dimension", call.op);
  size_t inner = 1;
  for (int i = int(axis) + 1; i < x.rank; i++) inner *= x.dim(i);
  return quantize_blocks(call, DType(call.attr_int(1)), x.dim(int(axis)), inner == 0 ? 1 : inner);
}

// codes, scales, zeroPoints -> float32 (code - zero) * scale. attrs: axis; -1 one pair, -2 one a row of the last dimension.
Status dequantize(Call& call) {
  OCTAVO_TRY(expect_operands(call, 3, 3, 1));
  const View& codes = call.inputs[0];
  View& y = call.outputs[0];
  OCTAVO_TRY(expect_tensor(call, "codes", codes, codes.dtype));
  OCTAVO_TRY(expect_tensor(call, "y", y, DType::Float32));
  OCTAVO_TRY(expect_size(call, "y", y, codes.size()));
  const int64_t axis = call.attr_int(0);
  if (axis < -2 || axis >= codes.rank) return fail(Code::InvalidShape, "[%s] no such dimension", call.op);
  size_t count = 1, inner = codes.columns();
  if (axis == -2) count = codes.rows();
  if (axis >= 0) {
    count = codes.dim(int(axis)), inner = 1;
    for (int i = int(axis) + 1; i < codes.rank; i++) inner *= codes.dim(i);
  }
  if (codes.channels_last != y.channels_last || (y.channels_last && axis != -1)) {
    return fail(Code::InvalidArgument, "[%s] does not take these orders of memory", call.op);
  }
  if (codes.size() == 0) return {};
  OCTAVO_TRY(expect_qparams(call, call.inputs[1], call.inputs[2], count));
  if (axis == -1 && is_bytes(codes) && is_small(*call.inputs[2].as<int32_t>())) {
    const CodeType type = code_type(codes);
    const octavo_code_row row = {codes.data, 1, *call.inputs[1].floats(), *call.inputs[2].as<int32_t>() + type.shift};
    for_row_chunks(call, codes.size(), 1, [&](size_t from, size_t end) {
      octavo_code_row part = row;
      part.codes += from;
      call.kernels->codes->dequantize(part, type.flip, y.floats() + from, end - from);
    });
    return {};
  }
  return by_storage(call, codes.dtype, [&](auto zero_of_type, Range) {
    using T = decltype(zero_of_type);
    for_row_chunks(call, codes.size() / inner, inner, [&](size_t from, size_t to) {
      for (size_t block = from; block < to; block++) {
        const float scale = call.inputs[1].floats()[block % count];
        const int32_t zero = call.inputs[2].as<int32_t>()[block % count];
        for (size_t i = block * inner; i < (block + 1) * inner; i++) {
          y.floats()[i] = float(int64_t(codes.as<T>()[i]) - zero) * scale;
        }
      }
    });
  });
}

}  // namespace octavo
