// A GEMM as independent blocks of C: up to OCTAVO_GEMM_ROWS rows by a range of panels. Rows are split first; columns
// only when the rows alone would leave threads idle. No split touches K, so none changes a bit.
#pragma once
#include "../runtime/call.h"

namespace octavo {

template <class Fn> void for_gemm_blocks(const Call& call, size_t m, size_t n, size_t k, Fn run) {
  if (m == 0) return;
  const size_t panels = panel_count(n);
  const size_t row_blocks = (m + OCTAVO_GEMM_ROWS - 1) / OCTAVO_GEMM_ROWS;
  const size_t threads = call.pool->threads();
  // A task below this many multiply-adds costs more to hand over than to do.
  const size_t minimum_panels = 1 + (size_t(1) << 17) / (1 + (m < OCTAVO_GEMM_ROWS ? m : OCTAVO_GEMM_ROWS) * k * OCTAVO_PANEL);
  size_t column_blocks = row_blocks >= threads * 2 || threads == 1 ? 1 : (threads * 2 + row_blocks - 1) / row_blocks;
  if (column_blocks > panels / minimum_panels) column_blocks = panels / minimum_panels;
  if (column_blocks < 1) column_blocks = 1;
  const size_t panels_each = (panels + column_blocks - 1) / column_blocks;
  call.pool->parallel_for(row_blocks * column_blocks, [&](size_t task) {
    const size_t row = task / column_blocks * OCTAVO_GEMM_ROWS;
    const size_t panel = task % column_blocks * panels_each;
    if (panel >= panels) return;
    const size_t column = panel * OCTAVO_PANEL;
    const size_t end = (panel + panels_each) * OCTAVO_PANEL;
    run(row, m - row < OCTAVO_GEMM_ROWS ? m - row : OCTAVO_GEMM_ROWS, column, (end < n ? end : n) - column);
  });
}

}  // namespace octavo
