// Integer GEMM over AMX tiles: tdpbusd adds the products of 64 k to 16 rows by 16 columns, exact in int32. A block of C is
// 2 x 2 tiles, four tdpbusd for four loads. A: u8 rows in place. B: the panels of AVX-512 VNNI, [k / 4][16][4], of which
// 16 steps are a tile.
//
//   for each pair of panels:                 B: 32 columns, from L2 or memory once
//     for each K block of at most 1024:      so that its 32 KB stay in L1
//       for each strip of two row tiles:     products, while rows of the strip before pass the epilogue
//
// A tile gives its sums to vectors by memory only. They go to a scratch in L1; the epilogue takes some rows of it after
// each step of the next block, so that it runs while the tile unit multiplies.
//
// All row tiles of a call have one height, the smallest that covers the rows with as few tiles; the last begins
// earlier and computes some rows twice, with the same result. So one configuration serves, no row is padded, and none
// past A is read.
#pragma once
#include <string.h>

#include "../generic/pad_rows.h"
#include "tiles.h"

namespace {

// Up to here AVX-512 VNNI is as fast or faster: both wait for B (measured at 768 x 768 on Granite Rapids). Same integers.
constexpr size_t kFewRows = 3;
constexpr size_t kStripTiles = 2, kPanels = 2;
constexpr size_t kTileSums = kTileRows * OCTAVO_PANEL, kStripSums = kStripTiles * kPanels * kTileSums;
constexpr size_t kStrips = (OCTAVO_GEMM_ROWS + kStripTiles * kTileRows - 1) / (kStripTiles * kTileRows);
// 64 k each: 16 steps of two panels take 32 KB of a 48 KB L1.
constexpr size_t kBlockSteps = 16;

// A as tiles load it: steps of 64 k in place, and what K leaves over, if anything, as one step more.
struct TileRows {
  const uint8_t* codes;
  size_t stride, steps;
  const uint8_t* rest;  // [m][64], zeros behind the codes; NULL where 64 divides K
};

TileRows rows_in_place(size_t m, size_t k, const uint8_t* a, size_t lda, void* scratch) {
  const size_t steps = k / kTileK, left = k % kTileK;
  if (left == 0) return {a, lda, steps, nullptr};
  uint8_t* rest = static_cast<uint8_t*>(scratch);
  for (size_t r = 0; r < m; r++) {
    memcpy(rest + r * kTileK, a + r * lda + steps * kTileK, left);
    memset(rest + r * kTileK + left, 0, kTileK - left);
  }
  return {a, lda, steps, rest};
}

// A block of C: up to two row tiles by two panels, its sums in the scratch.
struct TileBlock {
  size_t rows[kStripTiles];  // first row of each row tile
  size_t row_tiles, column, panels;
  int32_t* sums;  // [row tile][panel][16][16]
};

// What remains to be done of a finished block. A tile's rows are `height`, those of C that exist `n` columns.
template <class Epilogue> struct PendingRows {
  const Epilogue& epilogue;
  size_t height, n;
  TileBlock block;
  size_t done, total;  // rows of tiles

  void begin(const TileBlock& finished) {
    block = finished;
    done = 0, total = finished.row_tiles * finished.panels * height;
  }
  __attribute__((noinline)) void advance(size_t count) {
    while (count != 0 && done < total) {
      const size_t tile = done / height, row = done % height, rows = min_size(count, height - row);
      const size_t row_tile = tile / block.panels, panel = tile % block.panels, column = block.column + panel * OCTAVO_PANEL;
      epilogue(column, min_size(OCTAVO_PANEL, n - column), block.rows[row_tile] + row, rows,
               block.sums + (row_tile * kPanels + panel) * kTileSums + row * OCTAVO_PANEL, size_t(OCTAVO_PANEL));
      done += rows, count -= rows;
    }
  }
};

// Adds steps `from` to `to` of K to the block's sums, which begin at zero where `from` is 0.
template <int kRowTiles, int kColumnTiles, class Pending>
void multiply_block(const TileRows& a, const int8_t* b, size_t panel_stride, size_t from, size_t to, const TileBlock& block, Pending& pending) {
  int32_t* const sums = block.sums;
  if (from == 0) {
    _tile_zero(0);
    if constexpr (kColumnTiles > 1) _tile_zero(1);
    if constexpr (kRowTiles > 1) _tile_zero(2);
    if constexpr (kRowTiles > 1 && kColumnTiles > 1) _tile_zero(3);
  } else {
    _tile_loadd(0, sums, 64);
    if constexpr (kColumnTiles > 1) _tile_loadd(1, sums + kTileSums, 64);
    if constexpr (kRowTiles > 1) _tile_loadd(2, sums + 2 * kTileSums, 64);
    if constexpr (kRowTiles > 1 && kColumnTiles > 1) _tile_loadd(3, sums + 3 * kTileSums, 64);
  }
  const size_t between = to == from ? 0 : (pending.total + to - from - 1) / (to - from);
  for (size_t i = from; i < to; i++) {
    const bool in_place = i < a.steps;
    const uint8_t* rows = in_place ? a.codes + i * kTileK : a.rest;
    const size_t stride = in_place ? a.stride : kTileK;
    const int8_t* columns = b + i * kTileBytes;
    _tile_loadd(6, columns, 64);
    _tile_loadd(4, rows + block.rows[0] * stride, stride);
    _tile_dpbusd(0, 4, 6);
    if constexpr (kColumnTiles > 1) {
      _tile_loadd(7, columns + panel_stride, 64);
      _tile_dpbusd(1, 4, 7);
    }
    if constexpr (kRowTiles > 1) {
      _tile_loadd(5, rows + block.rows[1] * stride, stride);
      _tile_dpbusd(2, 5, 6);
      if constexpr (kColumnTiles > 1) _tile_dpbusd(3, 5, 7);
    }
    pending.advance(between);
  }
  pending.advance(pending.total);  // what there was no step for; its scratch may be written next
  _tile_stored(0, sums, 64);
  if constexpr (kColumnTiles > 1) _tile_stored(1, sums + kTileSums, 64);
  if constexpr (kRowTiles > 1) _tile_stored(2, sums + 2 * kTileSums, 64);
  if constexpr (kRowTiles > 1 && kColumnTiles > 1) _tile_stored(3, sums + 3 * kTileSums, 64);
}

template <class Epilogue>
void multiply_tiles(size_t m, size_t n, size_t k, const TileRows& a, const int8_t* b, const Epilogue& epilogue) {
  using Pending = PendingRows<Epilogue>;
  using Multiply = void (*)(const TileRows&, const int8_t*, size_t, size_t, size_t, const TileBlock&, Pending&);
  static constexpr Multiply kMultiply[kStripTiles][kPanels] = {{multiply_block<1, 1, Pending>, multiply_block<1, 2, Pending>},
                                                               {multiply_block<2, 1, Pending>, multiply_block<2, 2, Pending>}};
  const size_t steps = round_up(k, kTileK) / kTileK, panel_stride = steps * kTileBytes;
  const size_t blocks = steps == 0 ? 1 : (steps + kBlockSteps - 1) / kBlockSteps, steps_each = (steps + blocks - 1) / blocks;
  const size_t tiles = (m + kTileRows - 1) / kTileRows, height = (m + tiles - 1) / tiles;
  const auto first_row = [&](size_t tile) { return min_size(tile * height, m - height); };
  alignas(64) int32_t sums[kStrips * kStripSums];
  settle_memory();  // A's remainder or gathered rows
  with_tiles(height, [&] {
    Pending pending = {epilogue, height, n, {}, 0, 0};
    for (size_t column = 0; column < n; column += kPanels * OCTAVO_PANEL) {
      const size_t panels = n - column > OCTAVO_PANEL ? kPanels : 1;
      for (size_t block = 0; block < blocks; block++) {
        for (size_t tile = 0; tile < tiles; tile += kStripTiles) {
          const size_t row_tiles = min_size(kStripTiles, tiles - tile);
          // Sums of all strips wait for the next K block; where there is one only, all take turns in the same 4 KB.
          int32_t* const own = sums + (blocks > 1 ? tile / kStripTiles * kStripSums : 0);
          const TileBlock c = {{first_row(tile), first_row(tile + row_tiles - 1)}, row_tiles, column, panels, own};
          kMultiply[row_tiles - 1][panels - 1](a, b + column / OCTAVO_PANEL * panel_stride, panel_stride, block * steps_each,
                                               min_size((block + 1) * steps_each, steps), c, pending);
          if (block + 1 == blocks) pending.begin(c);
        }
      }
    }
    pending.advance(pending.total);
  });
}

void gemm_u8s8_amx(const octavo_gemm_u8s8* g) {
  if (g->m <= kFewRows) return octavo_kernels_avx512vnni()->gemm_u8s8(g);
  const TileRows a = rows_in_place(g->m, g->k, g->a, g->lda, g->scratch);
  with_float_epilogue(g, [&](const auto& epilogue) { multiply_tiles(g->m, g->n, g->k, a, g->b, epilogue); });
}

void gemm_u8s8_codes_amx(const octavo_gemm_u8s8_codes* g) {
  if (g->m <= kFewRows) return octavo_kernels_avx512vnni()->gemm_u8s8_codes(g);
  const auto run = [g](const uint8_t* codes, size_t lda, const TileRows& a) {
    with_codes_epilogue(g, sums_of_rows(codes, lda, g->k), [&](const auto& epilogue) { multiply_tiles(g->m, g->n, g->k, a, g->b, epilogue); });
  };
  if (g->runs == nullptr) return run(g->a, g->lda, rows_in_place(g->m, g->k, g->a, g->lda, g->scratch));
  const size_t k_padded = round_up(g->k, kTileK);
  uint8_t* rows = static_cast<uint8_t*>(g->scratch);
  collect_rows(g, rows, k_padded);
  run(rows, k_padded, {rows, k_padded, k_padded / kTileK, nullptr});
}

}  // namespace
