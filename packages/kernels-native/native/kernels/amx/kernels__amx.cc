// AMX-int8: Sapphire Rapids and later. AVX-512 VNNI's kernels and panels, with int8 products over tiles.
#include "../../simd/avx512.h"
#include "gemm_u8s8_32x32c4__amx.h"

extern "C" void octavo_kernels_amx(octavo_kernels* table) {
  table->isa = "amx";
  table->gemm_u8s8_name = "gemm_u8s8_32x32c4__amx";
  table->gemm_u8s8 = gemm_u8s8_amx;
  table->u8s8_group = 4, table->u8s8_k_multiple = kTileK;
  table->gemm_u8s8_scratch = padded_rows_bytes;
  table->gemm_u8s8_codes = gemm_u8s8_codes_amx;
}
