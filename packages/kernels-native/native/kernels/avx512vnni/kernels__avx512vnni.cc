// AVX-512 F, BW, VL, DQ and VNNI: Cascade Lake, Ice Lake, Zen 4 and later.
#include "../../simd/avx512.h"
#include "../generic/pad_rows.h"
#include "../generic/codes.h"
#include "../generic/depthwise.h"
#include "../generic/gemm_f32_codes.h"
#include "../generic/recurrent.h"
#include "../generic/rows.h"
#include "gemm_f32_8x48__avx512.h"
#include "gemm_u8s8_8x48c4__avx512vnni.h"

extern "C" const octavo_kernels* octavo_kernels_avx512vnni(void) {
  static const octavo_kernels table = {
      "avx512vnni", "gemm_f32_8x48__avx512", "gemm_u8s8_8x48c4__avx512vnni",
      gemm_f32<GemmF32Avx512>, gemm_u8s8_from_bytes<GemmU8S8Vnni>, 4, 64, padded_rows_bytes<>,
      gemm_u8s8_codes_from_bytes<GemmU8S8Vnni>, depthwise_u8s8, depthwise_f32,
      unary_row, binary_row, softmax_row, softmax_plain_row, layer_norm_row, finite_range_row, quantize_fma_row,
      &code_kernels, activation_row, affine_row, recurrent_step, 0, gemm_f32_codes<GemmF32Avx512>, 0};
  return &table;
}
