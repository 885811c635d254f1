// Float micro-kernel: MR rows by NP panels of 16 columns, two ymm accumulators a panel and row, at most 12 in all.
#pragma once
#include "../generic/gemm.h"

namespace {

template <int MR, int NP>
void gemm_f32_avx2_tile(const float* a, size_t lda, const float* b, size_t panel_stride, size_t k, float* acc, size_t stride, bool resume) {
  __m256 sum[MR][NP * 2];
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 12
    for (int j = 0; j < NP * 2; j++) sum[r][j] = resume ? _mm256_load_ps(acc + r * stride + j * 8) : _mm256_setzero_ps();
  }
  for (size_t i = 0; i < k; i++) {
    __m256 column[NP * 2];
#pragma GCC unroll 12
    for (int j = 0; j < NP * 2; j++) column[j] = _mm256_loadu_ps(b + (j / 2) * panel_stride + i * OCTAVO_PANEL + (j % 2) * 8);
#if defined(__GNUC__)
    // GCC 12 would load the columns again for the second row.
    if constexpr (MR == 2) {
#pragma GCC unroll 12
      for (int j = 0; j < NP * 2; j++) __asm__("" : "+x"(column[j]));
    }
#endif
#pragma GCC unroll 8
    for (int r = 0; r < MR; r++) {
      const __m256 value = _mm256_broadcast_ss(a + r * lda + i);
#pragma GCC unroll 12
      for (int j = 0; j < NP * 2; j++) sum[r][j] = _mm256_fmadd_ps(value, column[j], sum[r][j]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 12
    for (int j = 0; j < NP * 2; j++) _mm256_store_ps(acc + r * stride + j * 8, sum[r][j]);
  }
}

struct GemmF32Avx2 {
  using A = float;
  using B = float;
  using Acc = float;
  // 256 * 16 floats of a panel take half of a 32 KB L1.
  static constexpr size_t kRows = 6, kBlock = 256;
  static constexpr size_t kAccumulators = OCTAVO_GEMM_ROWS * OCTAVO_PANEL;
  // Few rows leave accumulators free: more panels at once keep both FMA units busy.
  static size_t panels_for(size_t m) { return m == 1 ? 4 : m <= 3 ? 2 : 1; }

  static MicroKernel<A, B, Acc> get(size_t rows, size_t panels) {
    static constexpr MicroKernel<A, B, Acc> table[6][4] = {
        {gemm_f32_avx2_tile<1, 1>, gemm_f32_avx2_tile<1, 2>, gemm_f32_avx2_tile<1, 3>, gemm_f32_avx2_tile<1, 4>},
        {gemm_f32_avx2_tile<2, 1>, gemm_f32_avx2_tile<2, 2>, nullptr, nullptr},
        {gemm_f32_avx2_tile<3, 1>, gemm_f32_avx2_tile<3, 2>, nullptr, nullptr},
        {gemm_f32_avx2_tile<4, 1>, nullptr, nullptr, nullptr},
        {gemm_f32_avx2_tile<5, 1>, nullptr, nullptr, nullptr},
        {gemm_f32_avx2_tile<6, 1>, nullptr, nullptr, nullptr}};
    return table[rows - 1][panels - 1];
  }
};

}  // namespace
