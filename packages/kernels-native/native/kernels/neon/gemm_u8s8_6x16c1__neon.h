// Exact integer micro-kernel of ARMv8.0: codes widened to int16, multiplied by smlal into int32, four a instruction.
// A: int16 rows. B: int8 panels [k][16], widened as they are loaded, once for all rows of the tile.
#pragma once
#include "../generic/gemm_codes.h"
#include "../generic/pad_rows.h"
#include "tiles_6x16.h"

namespace {

template <int MR, int NP>
void gemm_u8s8_neon_tile(const int16_t* a, size_t lda, const int8_t* b, size_t panel_stride, size_t k, int32_t* acc, size_t stride, bool resume) {
  int32x4_t sum[MR][NP * 4];
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 16
    for (int j = 0; j < NP * 4; j++) sum[r][j] = resume ? vld1q_s32(acc + r * stride + j * 4) : vdupq_n_s32(0);
  }
  for (size_t i = 0; i < k; i++) {
#pragma GCC unroll 4
    for (int p = 0; p < NP; p++) {
      const int8x16_t bytes = vld1q_s8(b + p * panel_stride + i * OCTAVO_PANEL);
      const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_high_s8(bytes);
#pragma GCC unroll 8
      for (int r = 0; r < MR; r++) {
        const int16_t code = a[r * lda + i];
        sum[r][p * 4] = vmlal_n_s16(sum[r][p * 4], vget_low_s16(low), code);
        sum[r][p * 4 + 1] = vmlal_high_n_s16(sum[r][p * 4 + 1], low, code);
        sum[r][p * 4 + 2] = vmlal_n_s16(sum[r][p * 4 + 2], vget_low_s16(high), code);
        sum[r][p * 4 + 3] = vmlal_high_n_s16(sum[r][p * 4 + 3], high, code);
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 16
    for (int j = 0; j < NP * 4; j++) vst1q_s32(acc + r * stride + j * 4, sum[r][j]);
  }
}

struct GemmU8S8Neon : Tiles6x16 {
  using A = int16_t;
  using B = int8_t;
  using Acc = int32_t;
  static constexpr size_t kBlock = 512;
  using Kernel = MicroKernel<A, B, Acc>;

  template <int MR, int NP> static constexpr Kernel tile = gemm_u8s8_neon_tile<MR, NP>;
  static Kernel get(size_t rows, size_t panels) { return pick<GemmU8S8Neon>(rows, panels); }
};

// Room for the rows as bytes, where they are gathered, and behind them as words.
size_t widened_rows_bytes(size_t k) { return OCTAVO_GEMM_ROWS * k * (1 + sizeof(int16_t)) + sizeof(int16_t); }

// multiply(words): over rows that lie one behind the other. The compiler makes vectors of the inner loop.
template <class Gemm, class Multiply> inline void with_words(const Gemm* g, Multiply multiply) {
  with_padded_rows<1>(g, [&](const uint8_t* rows, size_t lda, size_t k) {
    int16_t* words = static_cast<int16_t*>(g->scratch) + (OCTAVO_GEMM_ROWS * k + 1) / 2;
    for (size_t r = 0; r < g->m; r++) {
      for (size_t i = 0; i < k; i++) words[r * k + i] = rows[r * lda + i];
    }
    multiply(words);
  });
}

void gemm_u8s8_neon(const octavo_gemm_u8s8* g) {
  with_words(g, [g](const int16_t* a) { gemm_u8s8_padded<GemmU8S8Neon>(g, a, g->k, g->k); });
}

void gemm_u8s8_codes_neon(const octavo_gemm_u8s8_codes* g) {
  with_words(g, [g](const int16_t* a) { gemm_u8s8_codes_padded<GemmU8S8Neon>(g, a, g->k, g->k); });
}

}  // namespace
