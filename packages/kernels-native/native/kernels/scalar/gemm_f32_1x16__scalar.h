// The float micro-kernel that defines the bits: one FMA chain per output, k ascending.
#pragma once
#include "../generic/gemm.h"

namespace {

struct GemmF32Scalar {
  using A = float;
  using B = float;
  using Acc = float;
  static constexpr size_t kRows = 1, kBlock = 256;
  static constexpr size_t kAccumulators = OCTAVO_GEMM_ROWS * OCTAVO_PANEL;
  static size_t panels_for(size_t) { return 1; }

  static void run(const float* a, size_t, const float* b, size_t, size_t k, float* acc, size_t, bool resume) {
    Simd::F sum = resume ? Simd::load(acc) : Simd::zero();
    for (size_t i = 0; i < k; i++) sum = Simd::fma(Simd::set1(a[i]), Simd::load(b + i * OCTAVO_PANEL), sum);
    Simd::store(acc, sum);
  }
  static MicroKernel<A, B, Acc> get(size_t, size_t) { return run; }
};

}  // namespace
