// NEON of ARMv8.0, which every 64-bit ARM CPU has: Cortex-A53, A72 and later.
#include "../../simd/neon.h"
#include "../generic/codes.h"
#include "../generic/depthwise.h"
#include "../generic/gemm_f32_codes.h"
#include "../generic/recurrent.h"
#include "../generic/rows.h"
#include "gemm_f32_6x16__neon.h"
#include "gemm_u8s8_6x16c1__neon.h"

extern "C" const octavo_kernels* octavo_kernels_neon(void) {
  static const octavo_kernels table = {
      "neon", "gemm_f32_6x16__neon", "gemm_u8s8_6x16c1__neon",
      gemm_f32<GemmF32Neon>, gemm_u8s8_neon, 1, 1, widened_rows_bytes,
      gemm_u8s8_codes_neon, depthwise_u8s8, depthwise_f32,
      unary_row, binary_row, softmax_row, softmax_plain_row, layer_norm_row, finite_range_row, quantize_fma_row,
      &code_kernels, activation_row, affine_row, recurrent_step, 0, gemm_f32_codes<GemmF32Neon>, 0};
  return &table;
}
