// Integer micro-kernel over the 256-bit vpdpbusd of AVX-VNNI: four u8 by s8 products a lane and instruction, exact in
// int32. A: u8 rows in place. B: panels [k / 4][16][4], those of AVX-512 VNNI, two ymm registers a step.
#pragma once
#include <string.h>

#include "../generic/pad_rows.h"

namespace {

inline __m256i four_of_row(const uint8_t* a) {
  int32_t four;
  memcpy(&four, a, 4);
  return _mm256_set1_epi32(four);
}

inline __m256i columns_of(const int8_t* b) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b)); }

template <int MR, int NP>
void gemm_u8s8_avxvnni_tile(const uint8_t* a, size_t lda, const int8_t* b, size_t panel_stride, size_t k, int32_t* acc, size_t stride, bool resume) {
  __m256i sum[MR][NP * 2];
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 12
    for (int j = 0; j < NP * 2; j++) {
      sum[r][j] = resume ? _mm256_load_si256(reinterpret_cast<const __m256i*>(acc + r * stride + j * 8)) : _mm256_setzero_si256();
    }
  }
  for (size_t i = 0; i < k; i += 4) {
    if constexpr (MR <= 3) {
      // Few rows: theirs stay in registers beside 12 sums, and columns pass one at a time.
      __m256i four[MR];
#pragma GCC unroll 8
      for (int r = 0; r < MR; r++) four[r] = four_of_row(a + r * lda + i);
#pragma GCC unroll 12
      for (int j = 0; j < NP * 2; j++) {
        const __m256i column = columns_of(b + (j / 2) * panel_stride + i * OCTAVO_PANEL + (j % 2) * 32);
#pragma GCC unroll 8
        for (int r = 0; r < MR; r++) sum[r][j] = _mm256_dpbusd_avx_epi32(sum[r][j], four[r], column);
      }
    } else {
      __m256i column[NP * 2];
#pragma GCC unroll 12
      for (int j = 0; j < NP * 2; j++) column[j] = columns_of(b + (j / 2) * panel_stride + i * OCTAVO_PANEL + (j % 2) * 32);
#pragma GCC unroll 8
      for (int r = 0; r < MR; r++) {
        const __m256i four = four_of_row(a + r * lda + i);
#pragma GCC unroll 12
        for (int j = 0; j < NP * 2; j++) sum[r][j] = _mm256_dpbusd_avx_epi32(sum[r][j], four, column[j]);
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 12
    for (int j = 0; j < NP * 2; j++) _mm256_store_si256(reinterpret_cast<__m256i*>(acc + r * stride + j * 8), sum[r][j]);
  }
}

struct GemmU8S8AvxVnni {
  using A = uint8_t;
  using B = int8_t;
  using Acc = int32_t;
  // 512 * 16 bytes of a panel take a quarter of a 32 KB L1.
  static constexpr size_t kRows = 6, kBlock = 512;
  static constexpr size_t kAccumulators = OCTAVO_GEMM_ROWS * OCTAVO_PANEL;
  // 12 sums whatever the rows: vpdpbusd takes 5 cycles, and two begin in each.
  static size_t panels_for(size_t m) { return m == 1 ? 6 : m == 2 ? 3 : m == 3 ? 2 : 1; }

  template <int MR, int NP> static constexpr MicroKernel<A, B, Acc> tile = gemm_u8s8_avxvnni_tile<MR, NP>;
  static MicroKernel<A, B, Acc> get(size_t rows, size_t panels) {
    static constexpr MicroKernel<A, B, Acc> table[6][6] = {
        {tile<1, 1>, tile<1, 2>, tile<1, 3>, tile<1, 4>, tile<1, 5>, tile<1, 6>},
        {tile<2, 1>, tile<2, 2>, tile<2, 3>},
        {tile<3, 1>, tile<3, 2>},
        {tile<4, 1>},
        {tile<5, 1>},
        {tile<6, 1>}};
    return table[rows - 1][panels - 1];
  }
};

}  // namespace
