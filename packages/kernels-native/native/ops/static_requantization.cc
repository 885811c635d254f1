#include "static_requantization.h"

#include <math.h>
#include <string.h>

namespace octavo {
namespace {

enum Activation { kNone = 0, kRelu = 1, kRelu6 = 3 };

// The code of 6: quantize_per_tensor's, which adds the zero point after rounding.
int32_t code_of_six(float scale, int32_t zero) {
  const float steps = 6.0f * (1.0f / scale);
  const float code = nearbyintf(steps) + float(zero);
  return code < 255 ? int32_t(code) : 255;
}

}  // namespace

Status read_static_attrs(const Call& call, StaticAttrs* attrs) {
  const int64_t x_zero = call.attr_int(1), zero = call.attr_int(3), activation = call.attr_int(4);
  *attrs = {call.attr_float(0), call.attr_float(2), int32_t(x_zero), int32_t(zero), 0, 255};
  if (call.attr_count < 4 || !(attrs->x_scale > 0) || !(attrs->scale > 0) || x_zero < 0 || x_zero > 255 || zero < 0 || zero > 255) {
    return fail(Code::InvalidArgument, "[%s] scales must be positive and zero points codes from 0 to 255", call.op);
  }
  if (activation != kNone && activation != kRelu && activation != kRelu6) {
    return fail(Code::InvalidArgument, "[%s] activation must be 0 (none), 1 (relu) or 3 (relu6)", call.op);
  }
  if (activation != kNone) attrs->low = attrs->zero;
  if (activation == kRelu6) attrs->high = code_of_six(attrs->scale, attrs->zero);
  return {};
}

size_t requantization_bytes(const PackedWeight& weight) {
  return (3 * weight.groups * weight.padded_n() + OCTAVO_PANEL) * sizeof(float);
}

octavo_requantize requantization(const PackedWeight& weight, const StaticAttrs& attrs, uint8_t* memory) {
  const size_t columns = weight.groups * weight.padded_n();
  int32_t* offsets = reinterpret_cast<int32_t*>(memory);
  float* multipliers = reinterpret_cast<float*>(memory) + columns;
  float* biases = multipliers + columns;
  float* reciprocal = biases + columns;
  const int32_t* sums = weight.sums.as<int32_t>();
  const float* scales = weight.scales.as<float>();
  // Sums wrap as the kernels' do: the complete sum is exact modulo 2^32.
  for (size_t i = 0; i < columns; i++) offsets[i] = int32_t(0u - uint32_t(attrs.x_zero) * uint32_t(sums[i]));
  for (size_t i = 0; i < columns; i++) multipliers[i] = attrs.x_scale * scales[i] / attrs.scale;
  if (!weight.has_bias) return {offsets, multipliers, nullptr, nullptr, attrs.zero, attrs.low, attrs.high};
  const float* bias = weight.bias.as<float>();
  if (!weight.per_channel) {
    *reciprocal = 1.0f / (attrs.x_scale * scales[0]);
    return {offsets, multipliers, bias, reciprocal, attrs.zero, attrs.low, attrs.high};
  }
  for (size_t i = 0; i < columns; i++) biases[i] = bias[i] / (attrs.x_scale * scales[i]);
  return {offsets, multipliers, biases, nullptr, attrs.zero, attrs.low, attrs.high};
}

}  // namespace octavo
