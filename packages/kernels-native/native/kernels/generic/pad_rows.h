// A codes as bytes for kernels that read them in place. Rows whose K is no multiple of 4 are copied with zeros behind
// them (zeros, not zero points: the panels hold zeros there as well), so that no kernel reads past a user's buffer.
#pragma once
#include <string.h>

#include "gemm.h"
#include "gemm_codes.h"

namespace {

constexpr size_t kBytesKMultiple = 64;

inline size_t round_up(size_t x, size_t multiple) { return (x + multiple - 1) / multiple * multiple; }

size_t padded_rows_bytes(size_t k) { return OCTAVO_GEMM_ROWS * round_up(k, kBytesKMultiple); }

template <class Micro> void gemm_u8s8_from_bytes(const octavo_gemm_u8s8* g) {
  const size_t k_padded = round_up(g->k, kBytesKMultiple);
  if (k_padded == g->k) return gemm_u8s8_padded<Micro>(g, g->a, g->lda, k_padded);
  uint8_t* rows = static_cast<uint8_t*>(g->scratch);
  for (size_t r = 0; r < g->m; r++) {
    memcpy(rows + r * k_padded, g->a + r * g->lda, g->k);
    memset(rows + r * k_padded + g->k, 0, k_padded - g->k);
  }
  gemm_u8s8_padded<Micro>(g, rows, k_padded, k_padded);
}

template <size_t kBytes> inline void copy_bytes(const uint8_t* from, uint8_t* to) { memcpy(to, from, kBytes); }

template <class Micro> void gemm_u8s8_codes_from_bytes(const octavo_gemm_u8s8_codes* g) {
  const size_t k_padded = round_up(g->k, kBytesKMultiple);
  if (k_padded == g->k && g->runs == nullptr) return gemm_u8s8_codes_padded<Micro>(g, g->a, g->lda, k_padded);
  uint8_t* rows = static_cast<uint8_t*>(g->scratch);
  collect_rows(g, rows, k_padded, [](const uint8_t* from, size_t n, uint8_t* to) {
    copy_run(from, n, to, copy_bytes<16>, copy_bytes<8>, copy_bytes<4>);
  });
  gemm_u8s8_codes_padded<Micro>(g, rows, k_padded, k_padded);
}

}  // namespace
