// AVX-VNNI: Alder Lake and later, Zen 5. AVX2's kernels with int8 products of their own.
#include "../../simd/avx2.h"
#include "gemm_u8s8_6x16c4__avxvnni.h"

extern "C" void octavo_kernels_avxvnni(octavo_kernels* table) {
  table->isa = "avxvnni";
  table->gemm_u8s8_name = "gemm_u8s8_6x16c4__avxvnni";
  table->gemm_u8s8 = gemm_u8s8_from_bytes<GemmU8S8AvxVnni>;
  table->u8s8_group = 4, table->u8s8_k_multiple = kBytesKMultiple;
  table->gemm_u8s8_scratch = padded_rows_bytes;
  table->gemm_u8s8_codes = gemm_u8s8_codes_from_bytes<GemmU8S8AvxVnni>;
  table->u8s8_splits = 0;
}
