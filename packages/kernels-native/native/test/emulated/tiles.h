// The tile registers and instructions of AMX-int8 over plain memory, for `kernels/amx` on a CPU that lacks them. What a
// CPU would refuse with a fault ends the program here: a configuration that is none, a tile that is not configured, and
// shapes that do not go together. Intel's Software Developer's Manual, volume 2: LDTILECFG, TILELOADD, TDPBUSD.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace emulated {

// As ldtilecfg reads it.
struct TileShapes {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};

struct Tiles {
  TileShapes shapes = {};
  alignas(64) uint8_t data[8][16][64] = {};
};
// Of this thread.
inline thread_local Tiles tiles;

inline void require(bool allowed) { if (!allowed) __builtin_trap(); }

inline void tile_release() { tiles = Tiles(); }
inline void tile_storeconfig(void* to) { memcpy(to, &tiles.shapes, sizeof(TileShapes)); }
inline void tile_loadconfig(const void* from) {
  TileShapes shapes;
  memcpy(&shapes, from, sizeof(shapes));
  if (shapes.palette == 0) return tile_release();
  require(shapes.palette == 1 && shapes.start_row == 0);
  for (const uint8_t byte : shapes.reserved) require(byte == 0);
  for (int i = 0; i < 16; i++) {
    require(shapes.rows[i] <= 16 && shapes.row_bytes[i] <= 64 && (shapes.rows[i] == 0) == (shapes.row_bytes[i] == 0));
    require(i < 8 || shapes.rows[i] == 0);
  }
  tile_release();
  tiles.shapes = shapes;
}

inline size_t rows_of(int tile) {
  require(tile >= 0 && tile < 8 && tiles.shapes.palette == 1 && tiles.shapes.rows[tile] != 0);
  return tiles.shapes.rows[tile];
}
inline size_t bytes_of(int tile) { return rows_of(tile), tiles.shapes.row_bytes[tile]; }

// Rows and bytes outside of a tile's shape become 0 with every write.
inline void tile_zero(int tile) {
  rows_of(tile);
  memset(tiles.data[tile], 0, sizeof(tiles.data[tile]));
}
inline void tile_loadd(int tile, const void* base, size_t stride) {
  const size_t rows = rows_of(tile), bytes = bytes_of(tile);
  tile_zero(tile);
  for (size_t r = 0; r < rows; r++) memcpy(tiles.data[tile][r], static_cast<const uint8_t*>(base) + r * stride, bytes);
}
inline void tile_stored(int tile, void* base, size_t stride) {
  for (size_t r = 0; r < rows_of(tile); r++) memcpy(static_cast<uint8_t*>(base) + r * stride, tiles.data[tile][r], bytes_of(tile));
}

// sums[m][n] += u8 a[m][4 k + i] * s8 b[k][4 n + i], wrapping. The rest is compiled at -O1; this is most of the time.
#if defined(__GNUC__) && !defined(__clang__)
__attribute__((optimize("O3"), noinline))
#endif
inline void tile_dpbusd(int sums, int a, int b) {
  const size_t m = rows_of(sums), n = bytes_of(sums) / 4, k = bytes_of(a) / 4;
  require(sums != a && sums != b && a != b && rows_of(a) == m && rows_of(b) == k && bytes_of(b) == bytes_of(sums));
  require(bytes_of(sums) % 4 == 0 && bytes_of(a) % 4 == 0);
  for (size_t row = 0; row < m; row++) {
    uint32_t c[16];
    memcpy(c, tiles.data[sums][row], 64);
    for (size_t i = 0; i < k; i++) {
      const uint8_t* u = tiles.data[a][row] + i * 4;
      const uint8_t* s = tiles.data[b][i];
      for (size_t j = 0; j < n; j++) {
        for (size_t l = 0; l < 4; l++) c[j] += uint32_t(int32_t(u[l]) * int8_t(s[j * 4 + l]));
      }
    }
    memcpy(tiles.data[sums][row], c, 64);
  }
}

}  // namespace emulated

#undef _tile_loadd
#undef _tile_stored
#undef _tile_zero
#undef _tile_dpbusd
#define _tile_loadconfig emulated::tile_loadconfig
#define _tile_storeconfig emulated::tile_storeconfig
#define _tile_release emulated::tile_release
#define _tile_loadd emulated::tile_loadd
#define _tile_stored emulated::tile_stored
#define _tile_zero emulated::tile_zero
#define _tile_dpbusd emulated::tile_dpbusd
