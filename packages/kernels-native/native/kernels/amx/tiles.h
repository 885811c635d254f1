// The eight tile registers of a thread: how the GEMM configures them, and what becomes of another's configuration.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace {

// C tiles take int32 [rows][16], A tiles u8 [rows][64], B tiles s8 [16][16][4]: 1 KB of a panel. Names of tiles must be
// literals, so these stand for them in the comments only:
//   0, 1: C of the first row tile by two panels; 2, 3: of the second; 4, 5: A of both; 6, 7: B of both panels.
constexpr size_t kTileRows = 16, kTileK = 64, kTileBytes = 1024;

// What ldtilecfg reads (palette 1) and sttilecfg writes: Intel's Software Developer's Manual, volume 1, section 18.3.
struct alignas(64) TileConfig {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};
static_assert(sizeof(TileConfig) == 64, "the size of a tile configuration");

// Memory is as the code above says: GCC's tile intrinsics do not tell what they read.
inline void settle_memory() { __asm__ volatile("" ::: "memory"); }

// Runs body() with C and A tiles of `rows` rows, then gives the thread the configuration back that it had. So a thread
// that had none is left with none, and its switches save no tiles; and another library's, which may configure once a
// thread and rely on it, stays. Both take about 150 ns a call, of 20 microseconds and more for 96 rows by 768 by 768.
template <class Body> inline void with_tiles(size_t rows, Body body) {
  TileConfig before, config = {};
  _tile_storeconfig(&before);
  config.palette = 1;
  for (int tile = 0; tile < 8; tile++) {
    config.row_bytes[tile] = 64;
    config.rows[tile] = uint8_t(tile < 6 ? rows : kTileRows);
  }
  settle_memory();
  _tile_loadconfig(&config);
  body();
  _tile_loadconfig(&before);
}

}  // namespace
