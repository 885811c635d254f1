// Float micro-kernel: MR rows by NP panels of 16 columns, one zmm accumulator a panel and row, at most 24 in all.
#pragma once
#include "tiles_8x48.h"

namespace {

template <int MR, int NP>
void gemm_f32_avx512_tile(const float* a, size_t lda, const float* b, size_t panel_stride, size_t k, float* acc, size_t stride, bool resume) {
  __m512 sum[MR][NP];
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 8
    for (int j = 0; j < NP; j++) sum[r][j] = resume ? _mm512_load_ps(acc + r * stride + j * 16) : _mm512_setzero_ps();
  }
  for (size_t i = 0; i < k; i++) {
    __m512 column[NP];
#pragma GCC unroll 8
    for (int j = 0; j < NP; j++) column[j] = _mm512_loadu_ps(b + j * panel_stride + i * OCTAVO_PANEL);
#if defined(__GNUC__) && defined(__AVX512F__)
    // GCC 12 would load the columns again for the second and third row.
    if constexpr (MR == 2 || MR == 3) {
#pragma GCC unroll 8
      for (int j = 0; j < NP; j++) __asm__("" : "+v"(column[j]));
    }
#endif
#pragma GCC unroll 8
    for (int r = 0; r < MR; r++) {
      const __m512 value = _mm512_set1_ps(a[r * lda + i]);
#pragma GCC unroll 8
      for (int j = 0; j < NP; j++) sum[r][j] = _mm512_fmadd_ps(value, column[j], sum[r][j]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 8
    for (int j = 0; j < NP; j++) _mm512_store_ps(acc + r * stride + j * 16, sum[r][j]);
  }
}

struct GemmF32Avx512 : Tiles8x48 {
  using A = float;
  using B = float;
  using Acc = float;
  // 192 * 48 floats of three panels take 36 KB: they stay in a 48 KB L1, and stream well from L2 to a smaller one.
  static constexpr size_t kBlock = 192;
  using Kernel = MicroKernel<A, B, Acc>;

  template <int MR, int NP> static constexpr Kernel tile = gemm_f32_avx512_tile<MR, NP>;
  static Kernel get(size_t rows, size_t panels) { return pick<GemmF32Avx512>(rows, panels); }
};

}  // namespace
