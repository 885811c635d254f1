// What static quantized linears and convolutions share: their attributes, and the way from sums to codes.
#pragma once
#include "../runtime/call.h"

namespace octavo {

struct StaticAttrs {
  float x_scale, scale;
  int32_t x_zero, zero, low, high;  // low and high: the codes that the activation allows
};

// attrs: xScale, xZeroPoint, scale, zeroPoint and, where there is one, activation (0 none, 1 relu, 3 relu6).
Status read_static_attrs(const Call& call, StaticAttrs* attrs);

// The requantization of all columns of a packed weight, over `requantization_bytes` of memory. Source of the formulas:
// core's `numerics/requantize.ts`.
size_t requantization_bytes(const PackedWeight& weight);
octavo_requantize requantization(const PackedWeight& weight, const StaticAttrs& attrs, uint8_t* memory);

// The same from a column on; panels begin at multiples of OCTAVO_PANEL.
inline octavo_requantize from_column(octavo_requantize q, size_t column) {
  q.offsets += column, q.multipliers += column;
  if (q.biases) q.biases += column;
  return q;
}

}  // namespace octavo
