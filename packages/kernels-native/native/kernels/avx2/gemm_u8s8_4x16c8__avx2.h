// Sums of byte products in 16 bits, over the panels of the 6x16c4 kernel: vpmaddubsw of two groups of four k are added by vpaddw
// before vpmaddwd widens them. Five instructions for 64 products where bytes alone take six, and three that multiply in place
// of four. Exact where the weights are such that no sum leaves an int16 (`octavo_split`).
#pragma once
#include "gemm_u8s8_6x16c4__avx2.h"

namespace {

template <int MR>
void gemm_u8s8_avx2_sums(const uint8_t* a, size_t lda, const int8_t* b, size_t, size_t k, int32_t* acc, size_t stride, bool resume) {
  __m256i ones = _mm256_set1_epi16(1);
  __m256i sum[MR][2];
#pragma GCC unroll 4
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; j++) {
      sum[r][j] = resume ? _mm256_load_si256(reinterpret_cast<const __m256i*>(acc + r * stride + j * 8)) : _mm256_setzero_si256();
    }
  }
#if defined(__GNUC__)
  // Else GCC takes the ones from memory at each use.
  __asm__("" : "+x"(ones));
#endif
  size_t i = 0;
  for (; i + 8 <= k; i += 8) {
    const __m256i* group = reinterpret_cast<const __m256i*>(b + i * OCTAVO_PANEL);
#pragma GCC unroll 4
    for (int r = 0; r < MR; r++) {
#if defined(__GNUC__)
      // Weights are operands in memory of each row: kept in registers for all rows they would push sums out of theirs.
      __asm__("" : "+r"(group));
#endif
      const __m256i x = broadcast_4_bytes(a + r * lda + i), y = broadcast_4_bytes(a + r * lda + i + 4);
#pragma GCC unroll 2
      for (int j = 0; j < 2; j++) {
        const __m256i pairs = _mm256_add_epi16(_mm256_maddubs_epi16(x, _mm256_loadu_si256(group + j)),
                                               _mm256_maddubs_epi16(y, _mm256_loadu_si256(group + 2 + j)));
        sum[r][j] = _mm256_add_epi32(sum[r][j], _mm256_madd_epi16(pairs, ones));
      }
    }
  }
  if (i < k) {
    const __m256i* group = reinterpret_cast<const __m256i*>(b + i * OCTAVO_PANEL);
#pragma GCC unroll 4
    for (int r = 0; r < MR; r++) {
#pragma GCC unroll 2
      for (int j = 0; j < 2; j++) {
        sum[r][j] = _mm256_add_epi32(sum[r][j], ByteProducts::products(broadcast_4_bytes(a + r * lda + i), _mm256_loadu_si256(group + j)));
      }
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; j++) _mm256_store_si256(reinterpret_cast<__m256i*>(acc + r * stride + j * 8), sum[r][j]);
  }
}

struct GemmU8S8Sums {
  using A = uint8_t;
  using B = int8_t;
  using Acc = int32_t;
  static constexpr size_t kRows = 4, kBlock = OCTAVO_SPLIT_K;
  static constexpr size_t kAccumulators = OCTAVO_GEMM_ROWS * OCTAVO_PANEL;
  static size_t panels_for(size_t) { return 1; }
  static MicroKernel<A, B, Acc> get(size_t rows, size_t) {
    static constexpr MicroKernel<A, B, Acc> table[] = {gemm_u8s8_avx2_sums<1>, gemm_u8s8_avx2_sums<2>, gemm_u8s8_avx2_sums<3>,
                                                       gemm_u8s8_avx2_sums<4>};
    return table[rows - 1];
  }
};

}  // namespace
