// From exact sums to codes: the epilogue that static GEMMs and depthwise kernels share. The same formulas as core's
// `numerics/requantize.ts`, which gives their source.
#pragma once
#include <string.h>

#include "../../include/octavo_kernels.h"

namespace {

// Calls run(make), the form of bias chosen once: make(column) is t of the sums of a panel, its biases in registers.
template <class Run> inline void with_bias_form(const octavo_requantize& q, Run run) {
  if (q.biases == nullptr) return run([](size_t) { return [](Simd::F sum) { return sum; }; });
  if (q.reciprocal == nullptr) {
    return run([&q](size_t column) {
      return [bias = Simd::load(q.biases + column)](Simd::F sum) { return Simd::add(sum, bias); };
    });
  }
  run([&q](size_t column) {
    const Simd::F bias = Simd::load(q.biases + column), reciprocal = Simd::set1(*q.reciprocal);
    return [bias, reciprocal](Simd::F sum) { return Simd::fma(bias, reciprocal, sum); };
  });
}

inline Simd::CodeRange code_range(const octavo_requantize& q) { return {q.zero, q.low, q.high}; }

// From the sums of a panel, complete but for the offsets, to its codes.
template <class Bias> struct ColumnCodes {
  Simd::I offsets;
  Simd::F multipliers;
  Bias with_bias;
  Simd::CodeRange range;
  size_t count;  // columns that exist

  Simd::I steps(Simd::I sum) const {
    return Simd::to_nearest(Simd::mul(with_bias(Simd::to_float(Simd::add_i32(sum, offsets))), multipliers));
  }
  void store(uint8_t* c, Simd::I sum) const {
    if (count >= OCTAVO_PANEL) return Simd::store_steps(c, steps(sum), range);
    uint8_t tail[OCTAVO_PANEL];
    Simd::store_steps(tail, steps(sum), range);
    memcpy(c, tail, count);
  }
  // Two rows at once, which share the way from lanes to bytes.
  void store(uint8_t* c, Simd::I sum, uint8_t* d, Simd::I other) const {
    if (count >= OCTAVO_PANEL) return Simd::store_steps(c, steps(sum), d, steps(other), range);
    store(c, sum);
    store(d, other);
  }
};

template <class MakeBias>
inline auto column_codes(const octavo_requantize& q, size_t column, size_t count, MakeBias make_bias) {
  const auto with_bias = make_bias(column);
  return ColumnCodes<decltype(make_bias(column))>{Simd::load_i32(q.offsets + column), Simd::load(q.multipliers + column), with_bias,
                                                  code_range(q), count};
}

}  // namespace
