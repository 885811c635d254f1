// Exact integer micro-kernels without VNNI, over the same panels [k / 4][16][4] as VNNI's. Two of them, for two kinds of
// rows (`products__avx2.h` chooses):
// - Bytes: no code is above 127, as in a reduced range of 7 bits. vpmaddubsw adds two products in int16, which cannot
//   saturate then: 2 * 127 * 128 < 2^15. Three instructions for 32 products.
// - Words: any codes. Rows and weights are widened to int16 and multiplied in pairs by vpmaddwd, whose int32 pair sums
//   cannot overflow. Four instructions for 32 products, and two for 16 weights, once for all rows of the tile.
#pragma once
#include <string.h>

#include "../generic/gemm.h"
#include "../generic/gemm_codes.h"
#include "../generic/pad_rows.h"

namespace {

inline __m256i broadcast_4_bytes(const void* from) {
  int32_t four;
  memcpy(&four, from, 4);
  return _mm256_set1_epi32(four);
}

// How a step of kStep values of K multiplies: eight columns of a group of four in a register, from byte `i` of a row on.
struct ByteProducts {
  using A = uint8_t;
  static constexpr size_t kStep = 4;
  static __m256i columns(const int8_t* group, size_t) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(group)); }
  static __m256i products(__m256i row, __m256i columns) {
    return _mm256_madd_epi16(_mm256_maddubs_epi16(row, columns), _mm256_set1_epi16(1));
  }
};

// Rows hold each group of four in the order 0, 2, 1, 3, so that two neighbours meet the two weights that a shift widens:
// bytes 0 and 2 of a group in one step, 1 and 3 in the next. The steps stay turns of one loop with a branch in it: side
// by side GCC 12 adds the products of both first, and spills half of the sums.
struct WordProducts {
  using A = int16_t;
  static constexpr size_t kStep = 2;
  static __m256i columns(const int8_t* group, size_t i) {
    __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(group));
    if (i % 4 == 0) {
      bytes = _mm256_slli_epi16(bytes, 8);
#if defined(__GNUC__)
      __asm__("" : "+x"(bytes));
#endif
    }
    return _mm256_srai_epi16(bytes, 8);
  }
  static __m256i products(__m256i row, __m256i columns) { return _mm256_madd_epi16(row, columns); }
};

template <class P, int MR, int NP>
void gemm_u8s8_avx2_tile(const typename P::A* a, size_t lda, const int8_t* b, size_t panel_stride, size_t k, int32_t* acc, size_t stride, bool resume) {
  __m256i sum[MR][NP * 2];
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 8
    for (int j = 0; j < NP * 2; j++) {
      sum[r][j] = resume ? _mm256_load_si256(reinterpret_cast<const __m256i*>(acc + r * stride + j * 8)) : _mm256_setzero_si256();
    }
  }
  for (size_t i = 0; i < k; i += MR == 1 ? 4 : P::kStep) {
    const int8_t* group = b + i / 4 * 4 * OCTAVO_PANEL;
    if constexpr (MR == 1) {
      // One column at a time: all eight beside eight sums would not fit the registers. Both steps of a group at once,
      // since one row gets little for each weight that is loaded and widened.
#pragma GCC unroll 8
      for (int j = 0; j < NP * 2; j++) {
        const int8_t* columns = group + (j / 2) * panel_stride + (j % 2) * 32;
#pragma GCC unroll 2
        for (size_t step = 0; step < 4; step += P::kStep) {
          sum[0][j] = _mm256_add_epi32(sum[0][j], P::products(broadcast_4_bytes(a + i + step), P::columns(columns, step)));
        }
      }
      continue;
    }
    __m256i column[NP * 2];
#pragma GCC unroll 8
    for (int j = 0; j < NP * 2; j++) column[j] = P::columns(group + (j / 2) * panel_stride + (j % 2) * 32, i);
#pragma GCC unroll 8
    for (int r = 0; r < MR; r++) {
      const __m256i row = broadcast_4_bytes(a + r * lda + i);
#pragma GCC unroll 8
      for (int j = 0; j < NP * 2; j++) sum[r][j] = _mm256_add_epi32(sum[r][j], P::products(row, column[j]));
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 8
    for (int j = 0; j < NP * 2; j++) _mm256_store_si256(reinterpret_cast<__m256i*>(acc + r * stride + j * 8), sum[r][j]);
  }
}

template <class P> struct GemmU8S8Avx2 {
  using A = typename P::A;
  using B = int8_t;
  using Acc = int32_t;
  static constexpr size_t kRows = 6, kBlock = OCTAVO_SPLIT_K;
  static constexpr size_t kAccumulators = OCTAVO_GEMM_ROWS * OCTAVO_PANEL;
  // 3 rows by 2 panels would need 17 registers: two sums in memory cost a third of the speed.
  static size_t panels_for(size_t m) { return m == 1 ? 4 : m == 2 ? 2 : 1; }

  template <int MR, int NP> static constexpr MicroKernel<A, B, Acc> tile = gemm_u8s8_avx2_tile<P, MR, NP>;
  static MicroKernel<A, B, Acc> get(size_t rows, size_t panels) {
    static constexpr MicroKernel<A, B, Acc> table[6][4] = {
        {tile<1, 1>, tile<1, 2>, tile<1, 3>, tile<1, 4>},
        {tile<2, 1>, tile<2, 2>, nullptr, nullptr},
        {tile<3, 1>, tile<3, 2>, nullptr, nullptr},
        {tile<4, 1>, nullptr, nullptr, nullptr},
        {tile<5, 1>, nullptr, nullptr, nullptr},
        {tile<6, 1>, nullptr, nullptr, nullptr}};
    return table[rows - 1][panels - 1];
  }
};

inline bool below_128(const uint8_t* rows, size_t lda, size_t m, size_t k) {
  const __m256i zero = _mm256_setzero_si256();
  __m256i all = zero;
  for (size_t r = 0; r < m; r++) {
    const uint8_t* row = rows + r * lda;
    size_t i = 0;
    for (; i + 32 <= k; i += 32) all = _mm256_or_si256(all, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + i)));
    for (; i < k; i += 4) all = _mm256_or_si256(all, broadcast_4_bytes(row + i));
  }
  return _mm256_movemask_epi8(all) == 0;
}

// Widens n codes, a multiple of 4, in the order that WordProducts wants.
inline void widen_row(const uint8_t* from, size_t n, int16_t* to) {
  const __m128i order = _mm_setr_epi8(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m128i x = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i)), order);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), _mm256_cvtepu8_epi16(x));
  }
  for (; i < n; i += 4) {
    int32_t four;
    memcpy(&four, from + i, 4);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to + i), _mm_cvtepu8_epi16(_mm_shuffle_epi8(_mm_cvtsi32_si128(four), order)));
  }
}

constexpr size_t kGroup = 4;

size_t padded_bytes(size_t k) { return OCTAVO_GEMM_ROWS * round_up(k, 64); }

// Room for the rows as padded bytes, and behind them as words.
size_t avx2_rows_bytes(size_t k) { return padded_bytes(k) * (1 + sizeof(int16_t)); }

template <class Gemm> inline void* behind_padded_rows(const Gemm* g, size_t k) { return static_cast<uint8_t*>(g->scratch) + padded_bytes(k); }

}  // namespace
