// Float micro-kernel: MR rows by NP panels of 16 columns, one zmm accumulator a panel and row, at most 24 in all.
#pragma once
#include "../generic/gemm.h"

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

struct GemmF32Avx512 {
  using A = float;
  using B = float;
  using Acc = float;
  // 192 * 48 floats of three panels take 36 KB: they stay in a 48 KB L1, and stream well from L2 to a smaller one.
  static constexpr size_t kRows = 8, kBlock = 192;
  static constexpr size_t kAccumulators = OCTAVO_GEMM_ROWS * 3 * OCTAVO_PANEL;
  static size_t panels_for(size_t m) { return m <= 3 ? 6 : 3; }

  template <int MR> static MicroKernel<A, B, Acc> few(size_t panels) {
    static constexpr MicroKernel<A, B, Acc> table[6] = {gemm_f32_avx512_tile<MR, 1>, gemm_f32_avx512_tile<MR, 2>,
                                                        gemm_f32_avx512_tile<MR, 3>, gemm_f32_avx512_tile<MR, 4>,
                                                        gemm_f32_avx512_tile<MR, 5>, gemm_f32_avx512_tile<MR, 6>};
    return table[panels - 1];
  }
  template <int MR> static MicroKernel<A, B, Acc> many(size_t panels) {
    static constexpr MicroKernel<A, B, Acc> table[3] = {gemm_f32_avx512_tile<MR, 1>, gemm_f32_avx512_tile<MR, 2>, gemm_f32_avx512_tile<MR, 3>};
    return table[panels - 1];
  }
  static MicroKernel<A, B, Acc> get(size_t rows, size_t panels) {
    static constexpr MicroKernel<A, B, Acc> (*by_rows[8])(size_t) = {few<1>, few<2>, few<3>, many<4>, many<5>, many<6>, many<7>, many<8>};
    return by_rows[rows - 1](panels);
  }
};

}  // namespace
