#include <math.h>

#include "../runtime/choose_qparams.h"
#include "quantize_image.h"
#include "quantized.h"

namespace octavo {
namespace {

// How scales lie over x, core's `scaleIndex`: one; one for each index of `axis`; or, of x's rank, one for each block of
// `block` elements along it.
struct Scales {
  size_t count = 1, inner = 1, dim = 1, block = 1, blocks = 1;
  // The scale of the element at `at`.
  size_t of(size_t at) const {
    if (count == 1) return 0;
    const size_t index = at / inner % dim;
    return block == 0 ? index : (at / inner / dim * blocks + index / block) * inner + at % inner;
  }
};

Status read_scales(const Call& call, const View& x, const View& scale, const View* zeros, DType codes, Scales* scales) {
  OCTAVO_TRY(expect_tensor(call, "scale", scale, DType::Float32));
  if (zeros) {
    OCTAVO_TRY(expect_tensor(call, "zeroPoint", *zeros, codes));
    OCTAVO_TRY(expect_size(call, "zeroPoint", *zeros, scale.size()));
  }
  scales->count = scale.size();
  if (scales->count == 1 && scale.rank <= 1) {
    scales->inner = x.size();
    return {};
  }
  const int64_t asked = call.attr_int(0), axis = asked < 0 ? asked + x.rank : asked, block = call.attr_int(1);
  if (axis < 0 || axis >= x.rank || block < 0) return fail(Code::InvalidShape, "[%s] no such dimension or block", call.op);
  if (x.channels_last && (axis != 1 || block != 0)) {
    return fail(Code::InvalidArgument, "[%s] does not take these orders of memory", call.op);
  }
  for (int i = int(axis) + 1; i < x.rank && !x.channels_last; i++) scales->inner *= x.dim(i);
  scales->dim = x.dim(int(axis)), scales->block = size_t(block);
  scales->blocks = block == 0 ? scales->dim : (scales->dim + size_t(block) - 1) / size_t(block);
  const size_t expected = block == 0 ? scales->dim : scales->blocks * (scales->dim == 0 ? 0 : x.size() / scales->dim);
  return expect_size(call, "scale", scale, expected);
}

int64_t zero_at(const View* zeros, size_t place) {
  if (!zeros) return 0;
  switch (zeros->dtype) {
    case DType::Uint8: return zeros->as<uint8_t>()[place];
    case DType::Int8: return zeros->as<int8_t>()[place];
    default: return zeros->as<int32_t>()[place];
  }
}

Status expect_storage(const Call& call, const char* name, const View& codes) {
  const bool known = codes.dtype == DType::Uint8 || codes.dtype == DType::Int8 || codes.dtype == DType::Int32;
  return known ? Status{} : fail(Code::InvalidDtype, "[%s] %s must be uint8, int8 or int32", call.op, name);
}

struct Ends {
  double low, high;
};
Ends ends_of(DType dtype) {
  if (dtype == DType::Uint8) return {0, 255};
  return dtype == DType::Int8 ? Ends{-128, 127} : Ends{-2147483648.0, 2147483647.0};
}

// n elements of x from `at` on, with one scale, as bytes: clamp(zero + rint(x / scale)).
void quantize_run(const Call& call, const View& x, const float* scale, size_t at, size_t n, const octavo_to_codes& to, uint8_t* codes) {
  constexpr size_t kPiece = 256;
  float values[kPiece];
  for (size_t i = 0; i < n; i += kPiece) {
    const size_t count = n - i < kPiece ? n - i : kPiece;
    const float* from = x.dtype == DType::Float32 ? x.floats() + at + i : values;
    for (size_t j = 0; j < count && from == values; j++) values[j] = float(x.as<int32_t>()[at + i + j]);
    call.kernels->binary(OCTAVO_BINARY_DIV, from, 1, scale, 0, values, count);
    call.kernels->codes->quantize(values, &to, codes + i, count);
  }
}

template <class T> void store(View& codes, size_t at, double code) { codes.as<T>()[at] = T(code); }

}  // namespace

// x float32 or int32, scale, zeroPoint of the codes' dtype or absent -> codes. attrs: axis, blockSize, dtype of the codes.
Status quantize_linear(Call& call) {
  OCTAVO_TRY(expect_operands(call, 2, 3, 1));
  const View &x = call.inputs[0], *zeros = call.optional(2);
  View& codes = call.outputs[0];
  OCTAVO_TRY(expect_storage(call, "codes", codes));
  OCTAVO_TRY(expect_tensor(call, "x", x, x.dtype == DType::Int32 ? DType::Int32 : DType::Float32));
  OCTAVO_TRY(expect_same_dims(call, "codes", codes, x));
  Scales scales;
  OCTAVO_TRY(read_scales(call, x, call.inputs[1], zeros, codes.dtype, &scales));
  const bool is_one = scales.count == 1 && codes.dtype != DType::Int32;
  if (codes.channels_last != x.channels_last && !(is_one && codes.channels_last)) {
    return fail(Code::InvalidArgument, "[%s] does not take these orders of memory", call.op);
  }
  if (x.size() == 0) return {};
  if (is_one) {
    const octavo_to_codes to = to_codes(code_type(codes), 1.0f, int32_t(zero_at(zeros, 0)));
    const auto quantize = [&](size_t at, size_t n, uint8_t* y) { quantize_run(call, x, call.inputs[1].floats(), at, n, to, y); };
    if (codes.channels_last != x.channels_last) {
      quantize_into_channels_last(call, x, codes.data, quantize);
      return {};
    }
    for_row_chunks(call, x.size(), 2, [&](size_t from, size_t end) { quantize(from, end - from, codes.data + from); });
    return {};
  }
  const Ends ends = ends_of(codes.dtype);
  for_row_chunks(call, x.size(), 8, [&](size_t from, size_t end) {
    for (size_t i = from; i < end; i++) {
      const size_t place = scales.of(i);
      const float value = x.dtype == DType::Int32 ? float(x.as<int32_t>()[i]) : x.floats()[i];
      const float steps = nearbyintf(value / call.inputs[1].floats()[place]);
      const double code = (steps == steps ? double(steps) : 0.0) + double(zero_at(zeros, place));
      const double kept = code < ends.low ? ends.low : code > ends.high ? ends.high : code;
      if (codes.dtype == DType::Uint8) store<uint8_t>(codes, i, kept);
      else if (codes.dtype == DType::Int8) store<int8_t>(codes, i, kept);
      else store<int32_t>(codes, i, kept);
    }
  });
  return {};
}

// codes, scale, zeroPoint of their dtype or absent -> float32 (code - zero) * scale. attrs: axis, blockSize.
Status dequantize_linear(Call& call) {
  OCTAVO_TRY(expect_operands(call, 2, 3, 1));
  const View &codes = call.inputs[0], *zeros = call.optional(2);
  View& y = call.outputs[0];
  OCTAVO_TRY(expect_storage(call, "codes", codes));
  OCTAVO_TRY(expect_tensor(call, "codes", codes, codes.dtype));
  OCTAVO_TRY(expect_tensor(call, "y", y, DType::Float32));
  OCTAVO_TRY(expect_same_dims(call, "y", y, codes));
  Scales scales;
  OCTAVO_TRY(read_scales(call, codes, call.inputs[1], zeros, codes.dtype, &scales));
  if (codes.channels_last != y.channels_last) return fail(Code::InvalidArgument, "[%s] does not take these orders of memory", call.op);
  if (codes.size() == 0) return {};
  for_row_chunks(call, codes.size(), 8, [&](size_t from, size_t end) {
    for (size_t i = from; i < end; i++) {
      const size_t place = scales.of(i);
      y.floats()[i] = float(zero_at(&codes, i) - zero_at(zeros, place)) * call.inputs[1].floats()[place];
    }
  });
  return {};
}

// x float32 -> codes uint8, scale float32 [], zeroPoint uint8 [], by the range of x, infinities included.
Status dynamic_quantize_linear(Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 3));
  const View& x = call.inputs[0];
  View *codes = call.outputs, *scale = codes + 1, *zero = codes + 2;
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "codes", *codes, DType::Uint8));
  OCTAVO_TRY(expect_same_dims(call, "codes", *codes, x));
  OCTAVO_TRY(expect_tensor(call, "scale", *scale, DType::Float32));
  OCTAVO_TRY(expect_size(call, "scale", *scale, 1));
  OCTAVO_TRY(expect_tensor(call, "zeroPoint", *zero, DType::Uint8));
  OCTAVO_TRY(expect_size(call, "zeroPoint", *zero, 1));
  constexpr size_t kLanes = 16;
  float low[kLanes] = {}, high[kLanes] = {};
  const auto widen = [&](size_t lane, float value) {
    low[lane] = value < low[lane] ? value : low[lane];
    high[lane] = value > high[lane] ? value : high[lane];
  };
  size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; lane++) widen(lane, x.floats()[i + lane]);
  }
  for (; i < x.size(); i++) widen(0, x.floats()[i]);
  for (size_t lane = 1; lane < kLanes; lane++) widen(0, low[lane]), widen(0, high[lane]);
  const QParams q = onnx_qparams(low[0], high[0]);
  *scale->floats() = q.scale;
  *zero->data = uint8_t(q.zero_point);
  const octavo_to_codes to = to_codes(code_type(*codes), 1.0f, q.zero_point);
  for_row_chunks(call, x.size(), 2, [&](size_t from, size_t end) {
    quantize_run(call, x, scale->floats(), from, end - from, to, codes->data + from);
  });
  return {};
}

// acc int32, multiplier (one, or one for each index of an axis), zeroPoint (one, or as many) -> codes of its dtype:
// clamp(rint(float(acc) * multiplier) + zero). attrs: axis.
Status requantize_linear(Call& call) {
  OCTAVO_TRY(expect_operands(call, 3, 3, 1));
  const View &acc = call.inputs[0], &multiplier = call.inputs[1], &zeros = call.inputs[2], &codes = call.outputs[0];
  OCTAVO_TRY(expect_tensor(call, "acc", acc, DType::Int32));
  OCTAVO_TRY(expect_tensor(call, "zeroPoint", zeros, zeros.dtype == DType::Int8 ? DType::Int8 : DType::Uint8));
  OCTAVO_TRY(expect_tensor(call, "codes", codes, zeros.dtype));
  OCTAVO_TRY(expect_same_dims(call, "codes", codes, acc));
  Scales scales;
  OCTAVO_TRY(read_scales(call, acc, multiplier, nullptr, codes.dtype, &scales));
  if (zeros.size() != 1) OCTAVO_TRY(expect_size(call, "zeroPoint", zeros, multiplier.size()));
  const Ends ends = ends_of(codes.dtype);
  for_row_chunks(call, acc.size(), 8, [&](size_t from, size_t end) {
    for (size_t i = from; i < end; i++) {
      const size_t place = scales.of(i);
      const float steps = nearbyintf(float(acc.as<int32_t>()[i]) * multiplier.floats()[place]);
      const double code = double(steps) + double(zero_at(&zeros, zeros.size() == 1 ? 0 : place));
      // A NaN is stored as 0.
      const int kept = !(code >= ends.low) ? (code < ends.low ? int(ends.low) : 0) : code > ends.high ? int(ends.high) : int(code);
      codes.data[i] = uint8_t(kept);
    }
  });
  return {};
}

}  // namespace octavo
