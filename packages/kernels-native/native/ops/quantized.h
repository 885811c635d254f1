// What ops over 8-bit codes share: the dtype's codes, and core's arithmetic of one code (`numerics/quantize.ts`).
#pragma once
#include <math.h>

#include "../include/octavo_code_kernels.h"
#include "ops.h"

namespace octavo {

// uint8 or int8. Kernels see unsigned codes: byte ^ flip = code + shift.
struct CodeType {
  int32_t low, high, shift;
  uint8_t flip;
};
inline CodeType code_type(const View& view) {
  return view.dtype == DType::Int8 ? CodeType{-128, 127, 128, 0x80} : CodeType{0, 255, 0, 0};
}

Status expect_codes(const Call& call, const char* name, const View& view);
// One operand of codes and an output of the same dtype.
Status expect_codes_to_codes(const Call& call, size_t min_inputs, size_t max_inputs);

// Codes of a result: `low` and `high` are codes of the dtype, the zero point too.
inline octavo_to_codes to_codes(CodeType type, float multiplier, int32_t zero, int32_t low, int32_t high) {
  return {multiplier, zero + type.shift, low + type.shift, high + type.shift, type.flip};
}
inline octavo_to_codes to_codes(CodeType type, float multiplier, int32_t zero) { return to_codes(type, multiplier, zero, type.low, type.high); }

// `quantizeValue` of core: rint first, then the zero point; a NaN product becomes the zero point.
inline int32_t quantize_value(float x, float inverse, int32_t zero, int32_t low, int32_t high) {
  const float steps = nearbyintf(x * inverse);
  const double code = steps == steps ? double(steps) + double(zero) : double(zero);
  return code < low ? low : code > high ? high : int32_t(code);
}

// Scale and zero point at attributes i and i + 1.
struct AttrQParams {
  float scale;
  int32_t zero;
};
inline AttrQParams qparams_attr(const Call& call, size_t i) { return {call.attr_float(i), int32_t(call.attr_int(i + 1))}; }

// The counted list of integers that begins at attribute `*at`, which moves behind it.
struct AttrList {
  size_t count = 0;
  int64_t values[8] = {};
};
Status list_attr(const Call& call, const char* name, size_t* at, AttrList* list);

}  // namespace octavo
