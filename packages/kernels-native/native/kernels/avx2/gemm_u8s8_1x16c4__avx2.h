// One row of any 8-bit codes, over the panels of the 6x16c4 kernel. Around a centre c, x = c + d, and with |w| as uint8 and
// d with the sign of w as int8 vpmaddubsw is exact: |d| <= 127 and |w| <= 128, so two products stay below 2^15. Five instructions
// for 32 products, where widening both takes seven, and one row has nobody to share them with:
//   sum of x w = sum of d w + c * sum of w
// With c = 128 the code 0 is 128 away, with c = 127 the code 255. Such odd codes are few where ranges are dynamic: they are taken
// as 127 away, and their weights are subtracted or added once more.
#pragma once
#include "gemm_u8s8_6x16c4__avx2.h"

namespace {

struct CentredRow {
  static constexpr size_t kMostOdd = 8;
  int32_t centre;
  size_t odd[kMostOdd];
  size_t odd_count;
};

// How many of n codes are `code`.
inline size_t count_code(const uint8_t* row, size_t n, uint8_t code) {
  const __m256i wanted = _mm256_set1_epi8(static_cast<char>(code));
  size_t count = 0, i = 0;
  for (; i + 32 <= n; i += 32) {
    const __m256i same = _mm256_cmpeq_epi8(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + i)), wanted);
    count += static_cast<size_t>(__builtin_popcount(static_cast<unsigned>(_mm256_movemask_epi8(same))));
  }
  for (; i < n; i++) count += row[i] == code;
  return count;
}

// Writes d of n codes, and zeros up to `padded`. False where too many codes are odd.
inline bool centre_row(const uint8_t* row, size_t n, size_t padded, int8_t* to, CentredRow* centred) {
  const size_t zeros = count_code(row, n, 0), full = count_code(row, n, 255);
  const bool low = full < zeros;
  if ((low ? full : zeros) > CentredRow::kMostOdd) return false;
  centred->centre = low ? 127 : 128;
  centred->odd_count = 0;
  const uint8_t odd = low ? 255 : 0;
  for (size_t i = 0; i < n; i++) {
    const int d = row[i] - centred->centre;
    to[i] = static_cast<int8_t>(d < -127 ? -127 : d > 127 ? 127 : d);
  }
  for (size_t i = 0; i < n && (low ? full : zeros) != 0; i++) {
    if (row[i] == odd) centred->odd[centred->odd_count++] = i;
  }
  memset(to + n, 0, padded - n);
  return true;
}

template <int NP>
void gemm_u8s8_avx2_row(const int8_t* a, size_t, const int8_t* b, size_t panel_stride, size_t k, int32_t* acc, size_t, bool) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sum[NP * 2];
#pragma GCC unroll 4
  for (int j = 0; j < NP * 2; j++) sum[j] = _mm256_setzero_si256();
  for (size_t i = 0; i < k; i += 4) {
    const int8_t* group = b + i * OCTAVO_PANEL;
    const __m256i row = broadcast_4_bytes(a + i);
#pragma GCC unroll 4
    for (int j = 0; j < NP * 2; j++) {
      const __m256i w = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(group + (j / 2) * panel_stride + (j % 2) * 32));
      const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(row, w));
      sum[j] = _mm256_add_epi32(sum[j], _mm256_madd_epi16(pairs, ones));
    }
  }
#pragma GCC unroll 4
  for (int j = 0; j < NP * 2; j++) _mm256_store_si256(reinterpret_cast<__m256i*>(acc + j * 8), sum[j]);
}

struct GemvU8S8Avx2 {
  using A = int8_t;
  using B = int8_t;
  using Acc = int32_t;
  // All of K at once: nothing is read twice, and no sums are resumed.
  static constexpr size_t kRows = 1, kBlock = size_t(1) << 30;
  static constexpr size_t kAccumulators = 2 * OCTAVO_PANEL;
  static size_t panels_for(size_t) { return 2; }
  static MicroKernel<A, B, Acc> get(size_t, size_t panels) { return panels == 2 ? gemm_u8s8_avx2_row<2> : gemm_u8s8_avx2_row<1>; }
};

// Adds the weights of row k of a panel, 16 columns, to sums, or subtracts them.
inline void add_weights(const int8_t* panel, size_t k, bool subtract, int32_t* acc) {
  const int8_t* group = panel + k / 4 * 4 * OCTAVO_PANEL;
  const __m128i up = _mm_cvtsi32_si128(static_cast<int>(24 - k % 4 * 8));
  for (int j = 0; j < 2; j++) {
    __m256i* sums = reinterpret_cast<__m256i*>(acc + j * 8);
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(group + j * 32));
    const __m256i weights = _mm256_srai_epi32(_mm256_sll_epi32(bytes, up), 24);
    const __m256i sum = _mm256_load_si256(sums);
    _mm256_store_si256(sums, subtract ? _mm256_sub_epi32(sum, weights) : _mm256_add_epi32(sum, weights));
  }
}

// The product of one row that lies around its centre; weights of g have no zero points.
inline void gemm_u8s8_centred(const octavo_gemm_u8s8* g, const int8_t* row, size_t k, const CentredRow& centred) {
  // c * (sum of w) goes into the correction that the zero point has anyway.
  const int32_t zero = g->a_zeros[0] - centred.centre;
  octavo_gemm_u8s8 shifted = *g;
  shifted.a_zeros = &zero;
  with_float_epilogue(&shifted, [&](auto epilogue) {
    drive_gemm<GemvU8S8Avx2>(1, g->n, k, row, k, g->b, k * OCTAVO_PANEL, OCTAVO_PANEL,
                             [&](size_t column, size_t count, size_t r, size_t rows, int32_t* acc, size_t stride) {
                               const int8_t* panel = g->b + column * k;
                               for (size_t i = 0; i < centred.odd_count; i++) add_weights(panel, centred.odd[i], centred.centre == 128, acc);
                               epilogue(column, count, r, rows, acc, stride);
                             });
  });
}

}  // namespace
