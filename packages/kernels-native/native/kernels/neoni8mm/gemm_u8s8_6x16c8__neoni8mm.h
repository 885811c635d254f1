// Integer micro-kernel over usmmla: a 2 x 8 block of unsigned codes by an 8 x 2 block of signed weights, 32 products an
// instruction, exact in int32. One row takes usdot over the same panels.
// A: pairs of rows, 8 codes of each in turn; as uint16_t, so that one element stands for one k of both.
// B: panels [k / 8][16][8], 128 bytes a step.
#pragma once
#include <string.h>

#include "../generic/gemm_codes.h"
#include "../generic/pad_rows.h"
#include "../neon/tiles_6x16.h"

namespace {

// 2 x 2 blocks of columns 0, 1 and 2, 3 to the four columns of a row, and back: the same interleaving of halves.
inline int32x4_t low_halves(int32x4_t x, int32x4_t y) {
  return vreinterpretq_s32_s64(vzip1q_s64(vreinterpretq_s64_s32(x), vreinterpretq_s64_s32(y)));
}
inline int32x4_t high_halves(int32x4_t x, int32x4_t y) {
  return vreinterpretq_s32_s64(vzip2q_s64(vreinterpretq_s64_s32(x), vreinterpretq_s64_s32(y)));
}

// MR rows from 2 to 6: the missing row of an odd last pair is zeros that are not stored.
template <int MR, int NP>
void gemm_u8s8_neoni8mm_tile(const uint16_t* a, size_t lda, const int8_t* b, size_t panel_stride, size_t k, int32_t* acc, size_t stride, bool resume) {
  constexpr int kPairs = (MR + 1) / 2;
  int32x4_t sum[kPairs][NP * 8];
#pragma GCC unroll 4
  for (int r = 0; r < kPairs; r++) {
#pragma GCC unroll 16
    for (int j = 0; j < NP * 8; j += 2) {
      const int32_t* from = acc + 2 * r * stride + j * 2;
      const int32x4_t zero = vdupq_n_s32(0), x = resume ? vld1q_s32(from) : zero;
      const int32x4_t y = resume && 2 * r + 1 < MR ? vld1q_s32(from + stride) : zero;
      sum[r][j] = low_halves(x, y), sum[r][j + 1] = high_halves(x, y);
    }
  }
  for (size_t i = 0; i < k; i += 8) {
    uint8x16_t rows[kPairs];
#pragma GCC unroll 4
    for (int r = 0; r < kPairs; r++) rows[r] = vreinterpretq_u8_u16(vld1q_u16(a + 2 * r * lda + i));
#pragma GCC unroll 16
    for (int j = 0; j < NP * 8; j++) {
      const int8x16_t columns = vld1q_s8(b + (j / 8) * panel_stride + i * OCTAVO_PANEL + (j % 8) * 16);
#pragma GCC unroll 4
      for (int r = 0; r < kPairs; r++) sum[r][j] = vusmmlaq_s32(sum[r][j], rows[r], columns);
      if (j % 2 != 0) load_later();
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < kPairs; r++) {
#pragma GCC unroll 16
    for (int j = 0; j < NP * 8; j += 2) {
      int32_t* to = acc + 2 * r * stride + j * 2;
      vst1q_s32(to, low_halves(sum[r][j], sum[r][j + 1]));
      if (2 * r + 1 < MR) vst1q_s32(to + stride, high_halves(sum[r][j], sum[r][j + 1]));
    }
  }
}

// One row: lanes hold a column's sums over k 0 to 3 and 4 to 7 of each 8, added at the end.
template <int NP>
void gemm_u8s8_neoni8mm_row(const uint16_t* a, size_t, const int8_t* b, size_t panel_stride, size_t k, int32_t* acc, size_t, bool resume) {
  int32x4_t sum[NP * 8];
#pragma GCC unroll 16
  for (int j = 0; j < NP * 8; j++) sum[j] = vdupq_n_s32(0);
  for (size_t i = 0; i < k; i += 8) {
    const uint8x16_t row = vreinterpretq_u8_u64(vld1q_dup_u64(reinterpret_cast<const uint64_t*>(a + i)));
#pragma GCC unroll 16
    for (int j = 0; j < NP * 8; j++) {
      sum[j] = vusdotq_s32(sum[j], row, vld1q_s8(b + (j / 8) * panel_stride + i * OCTAVO_PANEL + (j % 8) * 16));
    }
  }
#pragma GCC unroll 16
  for (int j = 0; j < NP * 8; j += 2) {
    const int32x4_t total = vpaddq_s32(sum[j], sum[j + 1]);
    vst1q_s32(acc + j * 2, resume ? vaddq_s32(total, vld1q_s32(acc + j * 2)) : total);
  }
}

struct GemmU8S8NeonI8mm {
  using A = uint16_t;
  using B = int8_t;
  using Acc = int32_t;
  static constexpr size_t kRows = 6, kBlock = 1024;
  static constexpr size_t kAccumulators = OCTAVO_GEMM_ROWS * OCTAVO_PANEL;
  static size_t panels_for(size_t m) { return m <= 2 ? 2 : 1; }

  static MicroKernel<A, B, Acc> get(size_t rows, size_t panels) {
    static constexpr MicroKernel<A, B, Acc> table[6][2] = {{gemm_u8s8_neoni8mm_row<1>, gemm_u8s8_neoni8mm_row<2>},
                                                           {gemm_u8s8_neoni8mm_tile<2, 1>, gemm_u8s8_neoni8mm_tile<2, 2>},
                                                           {gemm_u8s8_neoni8mm_tile<3, 1>, nullptr},
                                                           {gemm_u8s8_neoni8mm_tile<4, 1>, nullptr},
                                                           {gemm_u8s8_neoni8mm_tile<5, 1>, nullptr},
                                                           {gemm_u8s8_neoni8mm_tile<6, 1>, nullptr}};
    return table[rows - 1][panels - 1];
  }
};

inline size_t whole_eights(size_t k) { return (k + 7) & ~size_t(7); }

// All pairs of a call, and one row that is gathered before it goes into its pair.
size_t paired_rows_bytes(size_t k) { return (OCTAVO_GEMM_ROWS + 1) * whole_eights(k); }

// Row r of `from` into its half of a pair, zeros behind its k codes.
inline void pair_row(const uint8_t* from, size_t k, size_t k_padded, size_t r, uint8_t* pairs) {
  uint8_t* to = pairs + r / 2 * 2 * k_padded + r % 2 * 8;
  size_t i = 0;
  for (; i + 8 <= k; i += 8) memcpy(to + 2 * i, from + i, 8);
  if (i == k) return;
  memset(to + 2 * i, 0, 8);
  memcpy(to + 2 * i, from + i, k - i);
}

// An odd last row has no neighbour: zeros stand for it.
inline void pair_nothing(size_t m, size_t k_padded, uint8_t* pairs) {
  if (m % 2 == 0) return;
  for (size_t i = 0; i < k_padded; i += 8) memset(pairs + m / 2 * 2 * k_padded + 8 + 2 * i, 0, 8);
}

void gemm_u8s8_neoni8mm(const octavo_gemm_u8s8* g) {
  const size_t k_padded = whole_eights(g->k);
  uint8_t* pairs = static_cast<uint8_t*>(g->scratch);
  for (size_t r = 0; r < g->m; r++) pair_row(g->a + r * g->lda, g->k, k_padded, r, pairs);
  pair_nothing(g->m, k_padded, pairs);
  gemm_u8s8_padded<GemmU8S8NeonI8mm>(g, reinterpret_cast<uint16_t*>(pairs), k_padded / 2, k_padded);
}

void gemm_u8s8_codes_neoni8mm(const octavo_gemm_u8s8_codes* g) {
  const size_t k_padded = whole_eights(g->k), runs = g->runs && g->run != 0 ? g->k / g->run : 0;
  uint8_t* pairs = static_cast<uint8_t*>(g->scratch);
  uint8_t* row = pairs + OCTAVO_GEMM_ROWS * k_padded;
  for (size_t r = 0; r < g->m; r++) {
    for (size_t i = 0; i < runs; i++) copy_run(g->runs[r * runs + i] + g->run_offset, g->run, row + i * g->run);
    pair_row(g->runs ? row : g->a + r * g->lda, g->k, k_padded, r, pairs);
  }
  pair_nothing(g->m, k_padded, pairs);
  const auto row_sum = [&](size_t r) {
    const uint8_t* from = pairs + r / 2 * 2 * k_padded + r % 2 * 8;
    int32_t sum = 0;
    for (size_t i = 0; i < k_padded; i += 8) sum += vaddlv_u8(vld1_u8(from + 2 * i));
    return sum;
  };
  gemm_u8s8_codes_padded<GemmU8S8NeonI8mm>(g, reinterpret_cast<uint16_t*>(pairs), k_padded / 2, k_padded, row_sum);
}

}  // namespace
