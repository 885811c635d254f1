// From exact sums to codes: the epilogue that static GEMMs and depthwise kernels share. The same formulas as core's
// `numerics/requantize.ts`, which gives their source.
#pragma once
#include <string.h>

#include "../../include/octavo_kernels.h"

namespace {

// Calls run(t of a sum's float and its column), the form of bias chosen once for all columns.
template <class Run> inline void with_bias_form(const octavo_requantize& q, Run run) {
  if (q.biases == nullptr) return run([](Simd::F sum, size_t) { return sum; });
  if (q.reciprocal == nullptr) return run([&q](Simd::F sum, size_t column) { return Simd::add(sum, Simd::load(q.biases + column)); });
  const Simd::F reciprocal = Simd::set1(*q.reciprocal);
  run([&q, reciprocal](Simd::F sum, size_t column) { return Simd::fma(Simd::load(q.biases + column), reciprocal, sum); });
}

// clamp(x + zero, low, high) as clamp(x, low - zero, high - zero) + zero, which cannot overflow.
struct CodeRange {
  Simd::I low, high, zero;
  explicit CodeRange(const octavo_requantize& q)
      : low(Simd::set1_i32(q.low - q.zero)), high(Simd::set1_i32(q.high - q.zero)), zero(Simd::set1_i32(q.zero)) {}
  Simd::I clamp(Simd::I x) const { return Simd::add_i32(Simd::min_i32(Simd::max_i32(x, low), high), zero); }
};

// Stores the codes of 16 columns, or of the `count` that exist. `sum` is complete but for the offsets.
template <class Bias>
inline void store_codes(uint8_t* c, Simd::I sum, size_t column, size_t count, const octavo_requantize& q, const CodeRange& range,
                        Bias with_bias) {
  const Simd::I acc = Simd::add_i32(sum, Simd::load_i32(q.offsets + column));
  const Simd::F t = Simd::mul(with_bias(Simd::to_float(acc), column), Simd::load(q.multipliers + column));
  const Simd::I codes = range.clamp(Simd::to_nearest(t));
  if (count >= OCTAVO_PANEL) return Simd::store_u8(c, codes);
  uint8_t tail[OCTAVO_PANEL];
  Simd::store_u8(tail, codes);
  memcpy(c, tail, count);
}

}  // namespace
