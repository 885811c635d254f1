// The integer GEMM that ends in codes: rows gathered by pointers, requantization in the epilogue.
#pragma once
#include <string.h>

#include "gemm.h"
#include "requantize.h"

namespace {

// Calls run(epilogue) with what makes codes of exact sums; row_sum(r) is the sum of the codes of a row.
template <class RowSum, class Run> inline void with_codes_epilogue(const octavo_gemm_u8s8_codes* g, RowSum row_sum, Run run) {
  int32_t a_sums[OCTAVO_GEMM_ROWS];
  if (g->b_zeros) {
    for (size_t r = 0; r < g->m; r++) a_sums[r] = row_sum(r);
  }
  const octavo_requantize& q = g->requantize;
  with_bias_form(q, [&](auto make_bias) {
    run([&, make_bias](size_t column, size_t count, size_t row, size_t rows, const int32_t* acc, size_t stride) {
      const auto codes = column_codes(q, column, count, make_bias);
      const auto sum = [&](size_t r) {
        const Simd::I products = Simd::load_i32(acc + r * stride);
        if (!g->b_zeros) return products;
        return Simd::sub_i32(products, Simd::mul_i32(Simd::set1_i32(a_sums[row + r]), Simd::load_i32(g->b_zeros + column)));
      };
      uint8_t* c = g->c + row * g->ldc + column;
      size_t r = 0;
      for (; r + 2 <= rows; r += 2, c += 2 * g->ldc) codes.store(c, sum(r), c + g->ldc, sum(r + 1));
      if (r < rows) codes.store(c, sum(r));
    });
  });
}

// Row sums of A as bytes or words, [m][lda], `k` of a row.
template <class T> inline auto sums_of_rows(const T* a, size_t lda, size_t k) {
  return [a, lda, k](size_t r) {
    int32_t sum = 0;
    for (size_t i = 0; i < k; i++) sum += a[r * lda + i];
    return sum;
  };
}

// Over A codes that the micro-kernel can read in place: [m][lda], K padded to the panels' with zeros.
template <class Micro, class RowSum>
inline void gemm_u8s8_codes_padded(const octavo_gemm_u8s8_codes* g, const typename Micro::A* a, size_t lda, size_t k_padded, RowSum row_sum) {
  with_codes_epilogue(g, row_sum, [&](auto epilogue) {
    drive_gemm<Micro>(g->m, g->n, k_padded, a, lda, g->b, k_padded * OCTAVO_PANEL, OCTAVO_PANEL, epilogue);
  });
}

template <class Micro>
inline void gemm_u8s8_codes_padded(const octavo_gemm_u8s8_codes* g, const typename Micro::A* a, size_t lda, size_t k_padded) {
  gemm_u8s8_codes_padded<Micro>(g, a, lda, k_padded, sums_of_rows(a, lda, k_padded));
}

template <size_t kBytes> inline void copy_bytes(const uint8_t* from, uint8_t* to) { memcpy(to, from, kBytes); }

// Copies `n` codes in blocks of 16, 8 or 4, the last of which may overlap the one before: no loop over single values for
// the short runs of a first layer, and never a read past the end.
inline void copy_run(const uint8_t* from, size_t n, uint8_t* to) {
  if (n >= 16) {
    size_t i = 0;
    for (; i + 16 <= n; i += 16) copy_bytes<16>(from + i, to + i);
    if (i < n) copy_bytes<16>(from + n - 16, to + n - 16);
  } else if (n >= 8) {
    copy_bytes<8>(from, to), copy_bytes<8>(from + n - 8, to + n - 8);
  } else if (n >= 4) {
    copy_bytes<4>(from, to), copy_bytes<4>(from + n - 4, to + n - 4);
  } else {
    for (size_t i = 0; i < n; i++) to[i] = from[i];
  }
}

// The m rows as bytes one behind the other, wherever their runs lie, with zeros behind each where K is padded.
inline void collect_rows(const octavo_gemm_u8s8_codes* g, uint8_t* rows, size_t k_padded) {
  const size_t runs = g->runs && g->run != 0 ? g->k / g->run : 0;
  for (size_t r = 0; r < g->m; r++) {
    uint8_t* to = rows + r * k_padded;
    if (g->runs) {
      for (size_t i = 0; i < runs; i++) copy_run(g->runs[r * runs + i] + g->run_offset, g->run, to + i * g->run);
    } else {
      copy_run(g->a + r * g->lda, g->k, to);
    }
    for (size_t i = g->k; i < k_padded; i++) to[i] = 0;
  }
}

}  // namespace
