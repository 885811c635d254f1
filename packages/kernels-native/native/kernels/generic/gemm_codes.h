// The integer GEMM that ends in codes: rows gathered by pointers, requantization in the epilogue.
#pragma once
#include "gemm.h"
#include "requantize.h"

namespace {

// Over A codes that the micro-kernel can read in place: [m][lda], K padded to the panels' (with anything: the panels
// hold zeros there), of which the first `g->k` of a row are codes.
template <class Micro>
inline void gemm_u8s8_codes_padded(const octavo_gemm_u8s8_codes* g, const typename Micro::A* a, size_t lda, size_t k_padded) {
  int32_t a_sums[OCTAVO_GEMM_ROWS];
  if (g->b_zeros) {
    for (size_t r = 0; r < g->m; r++) {
      a_sums[r] = 0;
      for (size_t i = 0; i < g->k; i++) a_sums[r] += a[r * lda + i];
    }
  }
  const octavo_requantize& q = g->requantize;
  with_bias_form(q, [&](auto make_bias) {
    drive_gemm<Micro>(g->m, g->n, k_padded, a, lda, g->b, k_padded * OCTAVO_PANEL, OCTAVO_PANEL,
                      [&](size_t column, size_t count, const int32_t* acc, size_t stride) {
                        const auto codes = column_codes(q, column, count, make_bias);
                        const auto sum = [&](size_t r) {
                          const Simd::I products = Simd::load_i32(acc + r * stride);
                          if (!g->b_zeros) return products;
                          return Simd::sub_i32(products, Simd::mul_i32(Simd::set1_i32(a_sums[r]), Simd::load_i32(g->b_zeros + column)));
                        };
                        uint8_t* c = g->c + column;
                        size_t r = 0;
                        for (; r + 2 <= g->m; r += 2, c += 2 * g->ldc) codes.store(c, sum(r), c + g->ldc, sum(r + 1));
                        if (r < g->m) codes.store(c, sum(r));
                      });
  });
}

// Calls copy(from, count, to) for each run of the m rows, wherever they lie, and zeroes the padding of K behind a row.
template <class T, class Copy>
inline void collect_rows(const octavo_gemm_u8s8_codes* g, T* rows, size_t k_padded, Copy copy) {
  const size_t runs = g->runs && g->run != 0 ? g->k / g->run : 0;
  for (size_t r = 0; r < g->m; r++) {
    T* to = rows + r * k_padded;
    if (g->runs) {
      for (size_t i = 0; i < runs; i++) copy(g->runs[r * runs + i] + g->run_offset, g->run, to + i * g->run);
    } else {
      copy(g->a + r * g->lda, g->k, to);
    }
    for (size_t i = g->k; i < k_padded; i++) to[i] = 0;
  }
}

// Copies `n` codes in blocks of 16, 8 or 4, the last of which may overlap the one before: no loop over single values for
// the short runs of a first layer, and never a read past the end.
template <class T, class Block16, class Block8, class Block4>
inline void copy_run(const uint8_t* from, size_t n, T* to, Block16 by16, Block8 by8, Block4 by4) {
  if (n >= 16) {
    size_t i = 0;
    for (; i + 16 <= n; i += 16) by16(from + i, to + i);
    if (i < n) by16(from + n - 16, to + n - 16);
  } else if (n >= 8) {
    by8(from, to), by8(from + n - 8, to + n - 8);
  } else if (n >= 4) {
    by4(from, to), by4(from + n - 4, to + n - 4);
  } else {
    for (size_t i = 0; i < n; i++) to[i] = from[i];
  }
}

}  // namespace
