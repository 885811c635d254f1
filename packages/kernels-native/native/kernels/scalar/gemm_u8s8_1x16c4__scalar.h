// The integer micro-kernel that defines the sums, over the panel layout of the VNNI kernels: [k / 4][16][4].
#pragma once
#include "../generic/gemm.h"

namespace {

struct GemmU8S8Scalar {
  using A = uint8_t;
  using B = int8_t;
  using Acc = int32_t;
  static constexpr size_t kRows = 1, kBlock = 384;
  static constexpr size_t kAccumulators = OCTAVO_GEMM_ROWS * OCTAVO_PANEL;
  static size_t panels_for(size_t) { return 1; }

  static void run(const uint8_t* a, size_t, const int8_t* b, size_t, size_t k, int32_t* acc, size_t, bool resume) {
    for (size_t j = 0; j < OCTAVO_PANEL; j++) {
      int32_t sum = resume ? acc[j] : 0;
      for (size_t i = 0; i < k; i++) sum += int32_t(a[i]) * int32_t(b[(i / 4) * 64 + j * 4 + i % 4]);
      acc[j] = sum;
    }
  }
  static MicroKernel<A, B, Acc> get(size_t, size_t) { return run; }
};

}  // namespace
