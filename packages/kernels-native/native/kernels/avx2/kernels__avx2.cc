// AVX2 with FMA: Haswell and later, Zen and later.
#include "../../simd/avx2.h"
#include "../generic/codes.h"
#include "../generic/depthwise.h"
#include "../generic/gemm_f32_codes.h"
#include "../generic/recurrent.h"
#include "../generic/rows.h"
#include "gemm_f32_6x16__avx2.h"
#include "products__avx2.h"

extern "C" const octavo_kernels* octavo_kernels_avx2(void) {
  static const octavo_kernels table = {
      "avx2", "gemm_f32_6x16__avx2", "gemm_u8s8_6x16c4__avx2",
      gemm_f32<GemmF32Avx2>, gemm_u8s8_avx2, kGroup, kGroup, avx2_rows_bytes,
      gemm_u8s8_codes_avx2, depthwise_u8s8, depthwise_f32,
      unary_row, binary_row, softmax_row, softmax_plain_row, layer_norm_row, finite_range_row, quantize_fma_row,
      &code_kernels, activation_row, affine_row, recurrent_step, 0, gemm_f32_codes<GemmF32Avx2>, 1};
  return &table;
}
