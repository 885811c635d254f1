// A codes as bytes for kernels that read groups of K in place. Rows whose K is no multiple of a group are copied with zeros
// behind them (zeros, not zero points: the panels hold zeros there as well), so that no kernel reads past a user's buffer.
#pragma once
#include <string.h>

#include "gemm.h"
#include "gemm_codes.h"

namespace {

// The K of panels that AMX could load as well: whole tiles.
constexpr size_t kBytesKMultiple = 64;

inline size_t round_up(size_t x, size_t multiple) { return (x + multiple - 1) / multiple * multiple; }

template <size_t kMultiple = kBytesKMultiple> size_t padded_rows_bytes(size_t k) { return OCTAVO_GEMM_ROWS * round_up(k, kMultiple); }

// use(rows, lda, k): the rows of A with K padded to a multiple, in place where they lie so.
template <size_t kMultiple, class Use> inline void with_padded_rows(const octavo_gemm_u8s8* g, Use use) {
  const size_t k_padded = round_up(g->k, kMultiple);
  if (k_padded == g->k) return use(g->a, g->lda, k_padded);
  uint8_t* rows = static_cast<uint8_t*>(g->scratch);
  for (size_t r = 0; r < g->m; r++) {
    memcpy(rows + r * k_padded, g->a + r * g->lda, g->k);
    memset(rows + r * k_padded + g->k, 0, k_padded - g->k);
  }
  use(rows, k_padded, k_padded);
}

template <size_t kMultiple, class Use> inline void with_padded_rows(const octavo_gemm_u8s8_codes* g, Use use) {
  const size_t k_padded = round_up(g->k, kMultiple);
  if (k_padded == g->k && g->runs == nullptr) return use(g->a, g->lda, k_padded);
  uint8_t* rows = static_cast<uint8_t*>(g->scratch);
  collect_rows(g, rows, k_padded);
  use(rows, k_padded, k_padded);
}

template <class Micro, size_t kMultiple = kBytesKMultiple> void gemm_u8s8_from_bytes(const octavo_gemm_u8s8* g) {
  with_padded_rows<kMultiple>(g, [g](const uint8_t* a, size_t lda, size_t k) { gemm_u8s8_padded<Micro>(g, a, lda, k); });
}

template <class Micro, size_t kMultiple = kBytesKMultiple> void gemm_u8s8_codes_from_bytes(const octavo_gemm_u8s8_codes* g) {
  with_padded_rows<kMultiple>(g, [g](const uint8_t* a, size_t lda, size_t k) { gemm_u8s8_codes_padded<Micro>(g, a, lda, k); });
}

}  // namespace
