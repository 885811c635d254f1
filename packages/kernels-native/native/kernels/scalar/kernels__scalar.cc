// Plain C++ for any CPU: for correctness, without a speed bar.
#include "../../simd/scalar.h"
#include "../generic/pad_rows.h"
#include "../generic/codes.h"
#include "../generic/depthwise.h"
#include "../generic/gemm_f32_codes.h"
#include "../generic/recurrent.h"
#include "../generic/rows.h"
#include "gemm_f32_1x16__scalar.h"
#include "gemm_u8s8_1x16c4__scalar.h"

extern "C" const octavo_kernels* octavo_kernels_scalar(void) {
  static const octavo_kernels table = {
      "scalar", "gemm_f32_1x16__scalar", "gemm_u8s8_1x16c4__scalar",
      gemm_f32<GemmF32Scalar>, gemm_u8s8_from_bytes<GemmU8S8Scalar>, 4, 64, padded_rows_bytes<>,
      gemm_u8s8_codes_from_bytes<GemmU8S8Scalar>, depthwise_u8s8, depthwise_f32,
      unary_row, binary_row, softmax_row, softmax_plain_row, layer_norm_row, finite_range_row, quantize_fma_row,
      &code_kernels, activation_row, affine_row, recurrent_step, 0, gemm_f32_codes<GemmF32Scalar>, 0};
  return &table;
}
