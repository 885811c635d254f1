// Integer micro-kernel over vpdpbusd: four u8 by s8 products a lane and instruction, exact in int32.
// A: u8 rows in place. B: panels [k / 4][16][4], 64 bytes a step; the same tiles that AMX loads (1 KB for 64 k).
#pragma once
#include <string.h>

#include "tiles_8x48.h"

namespace {

inline __m512i four_of_row(const uint8_t* a) {
  int32_t four;
  memcpy(&four, a, 4);
  return _mm512_set1_epi32(four);
}

template <int MR, int NP>
void gemm_u8s8_vnni_tile(const uint8_t* a, size_t lda, const int8_t* b, size_t panel_stride, size_t k, int32_t* acc, size_t stride, bool resume) {
  __m512i sum[MR][NP];
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 8
    for (int j = 0; j < NP; j++) sum[r][j] = resume ? _mm512_load_si512(acc + r * stride + j * 16) : _mm512_setzero_si512();
  }
  for (size_t i = 0; i < k; i += 4) {
    __m512i column[NP];
#pragma GCC unroll 8
    for (int j = 0; j < NP; j++) column[j] = _mm512_loadu_si512(b + j * panel_stride + i * OCTAVO_PANEL);
#if defined(__GNUC__) && defined(__AVX512F__)
    // GCC 12 would load the columns again for the second and third row.
    if constexpr (MR == 2 || MR == 3) {
#pragma GCC unroll 8
      for (int j = 0; j < NP; j++) __asm__("" : "+v"(column[j]));
    }
#endif
#pragma GCC unroll 8
    for (int r = 0; r < MR; r++) {
      const __m512i four = four_of_row(a + r * lda + i);
#pragma GCC unroll 8
      for (int j = 0; j < NP; j++) sum[r][j] = _mm512_dpbusd_epi32(sum[r][j], four, column[j]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 8
    for (int j = 0; j < NP; j++) _mm512_store_si512(acc + r * stride + j * 16, sum[r][j]);
  }
}

struct GemmU8S8Vnni : Tiles8x48 {
  using A = uint8_t;
  using B = int8_t;
  using Acc = int32_t;
  // 384 * 48 bytes of three panels take 18 KB, which leaves room for the rows in a 32 KB L1: best of those measured.
  static constexpr size_t kBlock = 384;
  using Kernel = MicroKernel<A, B, Acc>;

  template <int MR, int NP> static constexpr Kernel tile = gemm_u8s8_vnni_tile<MR, NP>;
  static Kernel get(size_t rows, size_t panels) { return pick<GemmU8S8Vnni>(rows, panels); }
};

}  // namespace
