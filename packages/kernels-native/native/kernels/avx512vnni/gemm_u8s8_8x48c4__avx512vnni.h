// Integer micro-kernel over vpdpbusd: four u8 by s8 products a lane and instruction, exact in int32.
// A: u8 rows in place. B: panels [k / 4][16][4], 64 bytes a step; the same tiles that AMX loads (1 KB for 64 k).
#pragma once
#include <string.h>

#include "../generic/gemm.h"

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

struct GemmU8S8Vnni {
  using A = uint8_t;
  using B = int8_t;
  using Acc = int32_t;
  // 384 * 48 bytes of three panels take 18 KB, which leaves room for the rows in a 32 KB L1: best of those measured.
  static constexpr size_t kRows = 8, kBlock = 384;
  static constexpr size_t kAccumulators = OCTAVO_GEMM_ROWS * 3 * OCTAVO_PANEL;
  static size_t panels_for(size_t m) { return m <= 3 ? 6 : 3; }

  template <int MR> static MicroKernel<A, B, Acc> few(size_t panels) {
    static constexpr MicroKernel<A, B, Acc> table[6] = {gemm_u8s8_vnni_tile<MR, 1>, gemm_u8s8_vnni_tile<MR, 2>,
                                                        gemm_u8s8_vnni_tile<MR, 3>, gemm_u8s8_vnni_tile<MR, 4>,
                                                        gemm_u8s8_vnni_tile<MR, 5>, gemm_u8s8_vnni_tile<MR, 6>};
    return table[panels - 1];
  }
  template <int MR> static MicroKernel<A, B, Acc> many(size_t panels) {
    static constexpr MicroKernel<A, B, Acc> table[3] = {gemm_u8s8_vnni_tile<MR, 1>, gemm_u8s8_vnni_tile<MR, 2>, gemm_u8s8_vnni_tile<MR, 3>};
    return table[panels - 1];
  }
  static MicroKernel<A, B, Acc> get(size_t rows, size_t panels) {
    static constexpr MicroKernel<A, B, Acc> (*by_rows[8])(size_t) = {few<1>, few<2>, few<3>, many<4>, many<5>, many<6>, many<7>, many<8>};
    return by_rows[rows - 1](panels);
  }
};

}  // namespace
