// Integer micro-kernel over udot: four products a lane and instruction, exact modulo 2^32. There is no dot product of
// unsigned by signed bytes in FEAT_DotProd, so the panels hold weight codes + 128 (`u8s8_flip`) and the weights' zero
// points move along: (a - za) (b - zb) = (a - za) ((b + 128) - (zb + 128)).
// A: u8 rows in place. B: panels [k / 4][16][4], 64 bytes a step.
#pragma once
#include <string.h>

#include "../neon/tiles_6x16.h"

namespace {

// Four codes as lane 0: a load of one s register, which the dot product reads by element.
inline uint8x8_t four_of_row(const uint8_t* a) {
  float four;
  memcpy(&four, a, 4);
  return vreinterpret_u8_f32(float32x2_t{four, 0});
}

template <int MR, int NP>
void gemm_u8s8_neondot_tile(const uint8_t* a, size_t lda, const int8_t* b, size_t panel_stride, size_t k, int32_t* acc, size_t stride, bool resume) {
  uint32_t* sums = reinterpret_cast<uint32_t*>(acc);
  uint32x4_t sum[MR][NP * 4];
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 16
    for (int j = 0; j < NP * 4; j++) sum[r][j] = resume ? vld1q_u32(sums + r * stride + j * 4) : vdupq_n_u32(0);
  }
  for (size_t i = 0; i < k; i += 4) {
    uint8x8_t four[MR];
#pragma GCC unroll 8
    for (int r = 0; r < MR; r++) four[r] = four_of_row(a + r * lda + i);
#pragma GCC unroll 16
    for (int j = 0; j < NP * 4; j++) {
      const uint8x16_t column = vreinterpretq_u8_s8(vld1q_s8(b + (j / 4) * panel_stride + i * OCTAVO_PANEL + (j % 4) * 16));
#pragma GCC unroll 8
      for (int r = 0; r < MR; r++) sum[r][j] = vdotq_lane_u32(sum[r][j], column, four[r], 0);
      if (MR * NP == 6) load_later();
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < MR; r++) {
#pragma GCC unroll 16
    for (int j = 0; j < NP * 4; j++) vst1q_u32(sums + r * stride + j * 4, sum[r][j]);
  }
}

struct GemmU8S8NeonDot : Tiles6x16 {
  using A = uint8_t;
  using B = int8_t;
  using Acc = int32_t;
  static constexpr size_t kBlock = 1024;
  using Kernel = MicroKernel<A, B, Acc>;

  template <int MR, int NP> static constexpr Kernel tile = gemm_u8s8_neondot_tile<MR, NP>;
  static Kernel get(size_t rows, size_t panels) { return pick<GemmU8S8NeonDot>(rows, panels); }
};

}  // namespace
