// NEON with FEAT_DotProd: Cortex-A55, A75, Neoverse N1, Apple M1 and later.
#include "../../simd/neon.h"
#include "../generic/pad_rows.h"
#include "../generic/codes.h"
#include "../generic/depthwise.h"
#include "../generic/gemm_f32_codes.h"
#include "../generic/recurrent.h"
#include "../generic/rows.h"
#include "../neon/gemm_f32_6x16__neon.h"
#include "gemm_u8s8_6x16c4__neondot.h"

extern "C" const octavo_kernels* octavo_kernels_neondot(void) {
  static const octavo_kernels table = {
      "neondot", "gemm_f32_6x16__neon", "gemm_u8s8_6x16c4__neondot",
      gemm_f32<GemmF32Neon>, gemm_u8s8_from_bytes<GemmU8S8NeonDot, 4>, 4, 4, padded_rows_bytes<4>,
      gemm_u8s8_codes_from_bytes<GemmU8S8NeonDot, 4>, depthwise_u8s8, depthwise_f32,
      unary_row, binary_row, softmax_row, softmax_plain_row, layer_norm_row, finite_range_row, quantize_fma_row,
      &code_kernels, activation_row, affine_row, recurrent_step, 0x80, gemm_f32_codes<GemmF32Neon>, 0};
  return &table;
}
