// What is left of weights that were taken apart (`octavo_split`): panels without their rests, and the rests' own products.
//
// A column's rests lie at any k, some in a hundred weights, so a rest meets codes turned, [k][rows]: four rests are interleaved
// into the bytes of a row and go through vpmaddubsw and vpmaddwd, 8 rows a register. The sums of a panel come as [16][rows]
// and are turned back into the accumulators of its rows.
#pragma once
#include "gemm_u8s8_6x16c4__avx2.h"

namespace {

// Rows that one step of the rests takes.
constexpr size_t kRestRows = 32;

// 16 rows of 16 codes, the first `count` of which exist, turned; the last one stands for the others.
inline void turn_16x16(const uint8_t* from, size_t lda, size_t count, uint8_t* to, size_t stride) {
  __m128i x[16], y[16];
  for (size_t i = 0; i < 16; i++) x[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + min_size(i, count - 1) * lda));
  // Four rounds of interleaving row i with row i + 8 bring byte j of row i to place i of row j.
  for (int round = 0; round < 4; round++) {
    for (int i = 0; i < 8; i++) y[2 * i] = _mm_unpacklo_epi8(x[i], x[i + 8]), y[2 * i + 1] = _mm_unpackhi_epi8(x[i], x[i + 8]);
    for (int i = 0; i < 16; i++) x[i] = y[i];
  }
  for (int i = 0; i < 16; i++) _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i * stride), x[i]);
}

// m rows of k codes as [k][stride], stride being m rounded up to whole steps; what lies behind m is any codes.
inline void turn_codes(const uint8_t* rows, size_t lda, size_t m, size_t k, uint8_t* to, size_t stride) {
  for (size_t r = 0; r < stride; r += 16) {
    const size_t first = min_size(r, m - 1), count = min_size(16, m - first);
    const uint8_t* from = rows + first * lda;
    // The last 16 codes of a row may be turned twice.
    for (size_t i = 0; k >= 16 && i < k; i += 16) {
      const size_t at = min_size(i, k - 16);
      turn_16x16(from + at, lda, count, to + at * stride + r, stride);
    }
    for (size_t i = 0; k < 16 && i < k; i++) {
      for (size_t j = 0; j < 16; j++) to[i * stride + r + j] = from[min_size(j, count - 1) * lda + i];
    }
  }
}

// Adds eight columns [8][stride] of eight rows to the rows' accumulators.
inline void place_sums(const int32_t* columns, size_t stride, int32_t* acc, size_t acc_stride, size_t rows) {
  __m256i x[8], y[8];
  for (int i = 0; i < 8; i++) x[i] = _mm256_load_si256(reinterpret_cast<const __m256i*>(columns + i * stride));
  // Within halves of a register by 32 and 64 bits, then across them.
  for (int i = 0; i < 8; i += 2) y[i] = _mm256_unpacklo_epi32(x[i], x[i + 1]), y[i + 1] = _mm256_unpackhi_epi32(x[i], x[i + 1]);
  for (int i = 0; i < 8; i += 4) {
    x[i] = _mm256_unpacklo_epi64(y[i], y[i + 2]), x[i + 1] = _mm256_unpackhi_epi64(y[i], y[i + 2]);
    x[i + 2] = _mm256_unpacklo_epi64(y[i + 1], y[i + 3]), x[i + 3] = _mm256_unpackhi_epi64(y[i + 1], y[i + 3]);
  }
  for (int i = 0; i < 4; i++) {
    y[i] = _mm256_permute2x128_si256(x[i], x[i + 4], 0x20), y[i + 4] = _mm256_permute2x128_si256(x[i], x[i + 4], 0x31);
  }
  for (size_t r = 0; r < rows; r++) {
    __m256i* to = reinterpret_cast<__m256i*>(acc + r * acc_stride);
    _mm256_store_si256(to, _mm256_add_epi32(_mm256_load_si256(to), y[r]));
  }
}

// The rests of one GEMM: the weights that a split took apart, over rows of codes.
class WeightRests {
 public:
  // `turned` takes round_up(m, 32) * k bytes.
  WeightRests(const octavo_split* split, size_t first_panel, const uint8_t* rows, size_t lda, size_t m, size_t k, uint8_t* turned)
      : split_(split), first_(split->first + first_panel * split->blocks * OCTAVO_PANEL), turned_(turned), m_(m), stride_(round_up(m, kRestRows)) {
    turn_codes(rows, lda, m, k, turned, stride_);
  }

  // A block of a panel, `kc` weights of each column from k0 on, without its rests: in memory that the next call takes again.
  const int8_t* kept(const int8_t* block, size_t panel, size_t k0, size_t kc) {
    const uint32_t* first = of_block(panel, k0 / OCTAVO_SPLIT_K);
    if (first[0] == first[OCTAVO_PANEL]) return block;
    for (size_t i = 0; i < kc * OCTAVO_PANEL; i += 64) {
      const __m256i* from = reinterpret_cast<const __m256i*>(block + i);
      _mm256_store_si256(reinterpret_cast<__m256i*>(kept_ + i), _mm256_loadu_si256(from));
      _mm256_store_si256(reinterpret_cast<__m256i*>(kept_ + i + 32), _mm256_loadu_si256(from + 1));
    }
    for (size_t column = 0; column < OCTAVO_PANEL; column++) {
      int8_t* to = kept_ + column * kGroup;
      for (uint32_t i = first[column]; i < first[column + 1]; i++) {
        const octavo_rests& four = split_->rests[i];
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
          const size_t k = four.k[j] - k0;
          to[k / kGroup * kGroup * OCTAVO_PANEL + k % kGroup] -= four.rests[j];
        }
      }
    }
    return kept_;
  }

  // Adds the products of a panel's rests to the accumulators of the m rows.
  void add(size_t panel, int32_t* acc, size_t acc_stride) const {
    if (*of_block(panel, 0) == *of_block(panel + 1, 0)) return;
    alignas(32) int32_t sums[8 * OCTAVO_GEMM_ROWS];
    for (size_t half = 0; half < OCTAVO_PANEL; half += 8) {
      for (size_t column = 0; column < 8; column++) {
        int32_t* to = sums + column * stride_;
        for (size_t r = 0; r < stride_; r += 2 * kRestRows) {
          if (r + 2 * kRestRows <= stride_) multiply<2>(panel, half + column, turned_ + r, to + r);
          else multiply<1>(panel, half + column, turned_ + r, to + r);
        }
      }
      for (size_t r = 0; r < m_; r += 8) place_sums(sums + r, stride_, acc + r * acc_stride + half, acc_stride, min_size(8, m_ - r));
    }
  }

 private:
  const uint32_t* of_block(size_t panel, size_t block) const { return first_ + (panel * split_->blocks + block) * OCTAVO_PANEL; }

  // Sums of the rests of a column over kSteps times 32 rows.
  template <int kSteps> void multiply(size_t panel, size_t column, const uint8_t* turned, int32_t* sums) const {
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i sum[kSteps][4];
#pragma GCC unroll 2
    for (int s = 0; s < kSteps; s++) {
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) sum[s][j] = _mm256_setzero_si256();
    }
    for (size_t block = 0; block < split_->blocks; block++) {
      const uint32_t* first = of_block(panel, block) + column;
      for (uint32_t i = first[0]; i < first[1]; i++) {
        const octavo_rests& four = split_->rests[i];
        const __m256i rests = broadcast_4_bytes(four.rests);
#pragma GCC unroll 2
        for (int s = 0; s < kSteps; s++) {
          const auto codes = [&](int j) {
            return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(turned + four.k[j] * stride_ + s * kRestRows));
          };
          const auto add = [&](int j, __m256i bytes) {
            sum[s][j] = _mm256_add_epi32(sum[s][j], _mm256_madd_epi16(_mm256_maddubs_epi16(bytes, rests), ones));
          };
          const __m256i a = codes(0), b = codes(1), c = codes(2), d = codes(3);
          const __m256i low_ab = _mm256_unpacklo_epi8(a, b), low_cd = _mm256_unpacklo_epi8(c, d);
          add(0, _mm256_unpacklo_epi16(low_ab, low_cd));
          add(1, _mm256_unpackhi_epi16(low_ab, low_cd));
          const __m256i high_ab = _mm256_unpackhi_epi8(a, b), high_cd = _mm256_unpackhi_epi8(c, d);
          add(2, _mm256_unpacklo_epi16(high_ab, high_cd));
          add(3, _mm256_unpackhi_epi16(high_ab, high_cd));
        }
      }
    }
#pragma GCC unroll 2
    for (int s = 0; s < kSteps; s++) {
      // Interleaving works within halves of a register: sum[j] has rows 4 j on in one and 16 + 4 j on in the other.
      __m256i* out = reinterpret_cast<__m256i*>(sums + s * kRestRows);
      _mm256_store_si256(out, _mm256_permute2x128_si256(sum[s][0], sum[s][1], 0x20));
      _mm256_store_si256(out + 1, _mm256_permute2x128_si256(sum[s][2], sum[s][3], 0x20));
      _mm256_store_si256(out + 2, _mm256_permute2x128_si256(sum[s][0], sum[s][1], 0x31));
      _mm256_store_si256(out + 3, _mm256_permute2x128_si256(sum[s][2], sum[s][3], 0x31));
    }
  }

  const octavo_split* split_;
  const uint32_t* first_;
  const uint8_t* turned_;
  size_t m_, stride_;
  alignas(32) int8_t kept_[OCTAVO_SPLIT_K * OCTAVO_PANEL];
};

}  // namespace
