// Float micro-kernel: MR rows by NP panels of 16 columns, four accumulators a panel and row, at most 24 of 32 registers.
#pragma once
#include "tiles_6x16.h"

namespace {

template <int MR, int NP>
void gemm_f32_neon_tile(const float* a, size_t lda, const float* b, size_t panel_stride, size_t k, float* acc, size_t stride, bool resume) {
  float32x4_t sum[MR][NP * 4];
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 16
    for (int j = 0; j < NP * 4; j++) sum[r][j] = resume ? vld1q_f32(acc + r * stride + j * 4) : vdupq_n_f32(0);
  }
  for (size_t i = 0; i < k; i++) {
    // A value is an element of a vector register to fmla: plain loads, no instruction to repeat it.
    float value[MR];
#pragma GCC unroll 8
    for (int r = 0; r < MR; r++) value[r] = a[r * lda + i];
#pragma GCC unroll 16
    for (int j = 0; j < NP * 4; j++) {
      const float32x4_t column = vld1q_f32(b + (j / 4) * panel_stride + i * OCTAVO_PANEL + (j % 4) * 4);
#pragma GCC unroll 8
      for (int r = 0; r < MR; r++) sum[r][j] = vfmaq_n_f32(sum[r][j], column, value[r]);
      if (MR * NP == 6) load_later();
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 16
    for (int j = 0; j < NP * 4; j++) vst1q_f32(acc + r * stride + j * 4, sum[r][j]);
  }
}

struct GemmF32Neon : Tiles6x16 {
  using A = float;
  using B = float;
  using Acc = float;
  // 256 * 16 floats of a panel take half of a 32 KB L1.
  static constexpr size_t kBlock = 256;
  using Kernel = MicroKernel<A, B, Acc>;

  template <int MR, int NP> static constexpr Kernel tile = gemm_f32_neon_tile<MR, NP>;
  static Kernel get(size_t rows, size_t panels) { return pick<GemmF32Neon>(rows, panels); }
};

}  // namespace
