// Exact integer micro-kernel without VNNI: bytes widened to int16 and multiplied in pairs by vpmaddwd, whose int32
// pair sums cannot overflow. (vpmaddubsw would add two products in saturating int16 and give wrong sums.)
// A: int16 rows. B: int8 panels [k / 2][16][2], widened as they are loaded, once for all rows of the tile.
#pragma once
#include <string.h>

#include "../generic/gemm.h"
#include "../generic/gemm_codes.h"

namespace {

inline __m256i widened_pairs(const int8_t* b) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b)));
}

inline __m256i pair_of_row(const int16_t* a) {
  int32_t pair;
  memcpy(&pair, a, 4);
  return _mm256_set1_epi32(pair);
}

template <int MR, int NP>
void gemm_u8s8_avx2_tile(const int16_t* a, size_t lda, const int8_t* b, size_t panel_stride, size_t k, int32_t* acc, size_t stride, bool resume) {
  __m256i sum[MR][NP * 2];
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 8
    for (int j = 0; j < NP * 2; j++) {
      sum[r][j] = resume ? _mm256_load_si256(reinterpret_cast<const __m256i*>(acc + r * stride + j * 8)) : _mm256_setzero_si256();
    }
  }
  for (size_t i = 0; i < k; i += 2) {
    if constexpr (MR == 1) {
      // One column at a time: all eight beside eight sums would not fit the registers.
      const __m256i pair = pair_of_row(a + i);
#pragma GCC unroll 8
      for (int j = 0; j < NP * 2; j++) {
        const __m256i column = widened_pairs(b + (j / 2) * panel_stride + i * OCTAVO_PANEL + (j % 2) * 16);
        sum[0][j] = _mm256_add_epi32(sum[0][j], _mm256_madd_epi16(pair, column));
      }
      continue;
    }
    __m256i column[NP * 2];
#pragma GCC unroll 8
    for (int j = 0; j < NP * 2; j++) column[j] = widened_pairs(b + (j / 2) * panel_stride + i * OCTAVO_PANEL + (j % 2) * 16);
#pragma GCC unroll 8
    for (int r = 0; r < MR; r++) {
      const __m256i pair = pair_of_row(a + r * lda + i);
#pragma GCC unroll 8
      for (int j = 0; j < NP * 2; j++) sum[r][j] = _mm256_add_epi32(sum[r][j], _mm256_madd_epi16(pair, column[j]));
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 8
    for (int j = 0; j < NP * 2; j++) _mm256_store_si256(reinterpret_cast<__m256i*>(acc + r * stride + j * 8), sum[r][j]);
  }
}

struct GemmU8S8Avx2 {
  using A = int16_t;
  using B = int8_t;
  using Acc = int32_t;
  static constexpr size_t kRows = 6, kBlock = 512;
  static constexpr size_t kAccumulators = OCTAVO_GEMM_ROWS * OCTAVO_PANEL;
  // 3 rows by 2 panels would need 17 registers: two sums in memory cost a third of the speed.
  static size_t panels_for(size_t m) { return m == 1 ? 4 : m == 2 ? 2 : 1; }

  static MicroKernel<A, B, Acc> get(size_t rows, size_t panels) {
    static constexpr MicroKernel<A, B, Acc> table[6][4] = {
        {gemm_u8s8_avx2_tile<1, 1>, gemm_u8s8_avx2_tile<1, 2>, gemm_u8s8_avx2_tile<1, 3>, gemm_u8s8_avx2_tile<1, 4>},
        {gemm_u8s8_avx2_tile<2, 1>, gemm_u8s8_avx2_tile<2, 2>, nullptr, nullptr},
        {gemm_u8s8_avx2_tile<3, 1>, gemm_u8s8_avx2_tile<3, 2>, nullptr, nullptr},
        {gemm_u8s8_avx2_tile<4, 1>, nullptr, nullptr, nullptr},
        {gemm_u8s8_avx2_tile<5, 1>, nullptr, nullptr, nullptr},
        {gemm_u8s8_avx2_tile<6, 1>, nullptr, nullptr, nullptr}};
    return table[rows - 1][panels - 1];
  }
};

inline size_t even(size_t k) { return (k + 1) & ~size_t(1); }

size_t widened_rows_bytes(size_t k) { return OCTAVO_GEMM_ROWS * even(k) * sizeof(int16_t); }

inline void widen_run(const uint8_t* from, size_t n, int16_t* to) {
  copy_run(
      from, n, to,
      [](const uint8_t* bytes, int16_t* words) {
        const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(words), _mm256_cvtepu8_epi16(x));
      },
      [](const uint8_t* bytes, int16_t* words) {
        const __m128i x = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(words), _mm_cvtepu8_epi16(x));
      },
      [](const uint8_t* bytes, int16_t* words) {
        int32_t four;
        memcpy(&four, bytes, 4);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(words), _mm_cvtepu8_epi16(_mm_cvtsi32_si128(four)));
      });
}

void gemm_u8s8_avx2(const octavo_gemm_u8s8* g) {
  const size_t k_padded = even(g->k);
  int16_t* rows = static_cast<int16_t*>(g->scratch);
  for (size_t r = 0; r < g->m; r++) {
    widen_run(g->a + r * g->lda, g->k, rows + r * k_padded);
    if (k_padded != g->k) rows[r * k_padded + g->k] = 0;
  }
  gemm_u8s8_padded<GemmU8S8Avx2>(g, rows, k_padded, k_padded);
}

void gemm_u8s8_codes_avx2(const octavo_gemm_u8s8_codes* g) {
  const size_t k_padded = even(g->k);
  int16_t* rows = static_cast<int16_t*>(g->scratch);
  collect_rows(g, rows, k_padded, widen_run);
  gemm_u8s8_codes_padded<GemmU8S8Avx2>(g, rows, k_padded, k_padded);
}

}  // namespace
