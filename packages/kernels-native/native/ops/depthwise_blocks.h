// The positions of a depthwise convolution in blocks, with pointers to the pixels under their taps.
#pragma once
#include <atomic>

#include "conv_rows.h"

namespace octavo {

// Positions of a block: so few that the lines of their pixels stay in L1 from some channels to the next, so many that putting
// weights in order does not count, and a multiple of what kernels take together.
constexpr size_t kDepthwiseBlock = 84;

// How the output is cut: parts of a line, or some whole short lines.
struct DepthwiseCut {
  size_t width, parts, lines;  // positions of a part, parts of a line, lines of a block
  size_t columns;              // pointers of a kernel row
  bool shared;                 // whether neighbours share pointers; else each position has its own, one for each tap
};

inline DepthwiseCut cut_depthwise(const Call& call, const ConvGeometry& geometry, const ConvSizes& sizes) {
  const size_t line = sizes.out[2], threads = call.pool->threads();
  DepthwiseCut cut;
  cut.parts = (line + kDepthwiseBlock - 1) / kDepthwiseBlock;
  cut.width = (line + cut.parts - 1) / cut.parts;
  cut.lines = line * 2 > kDepthwiseBlock ? 1 : kDepthwiseBlock / line;
  const size_t all_lines = sizes.rows() / line;
  while (threads > 1 && cut.lines > 1 && all_lines / cut.lines < 2 * threads) cut.lines--;
  const ConvAxis& a = geometry.axes[2];
  cut.columns = (cut.width - 1) * a.stride + (a.kernel - 1) * a.dilation + 1;
  // Long strides and dilations leave gaps between the pixels that are read.
  cut.shared = !geometry.transposed && cut.columns <= 2 * cut.width * a.kernel;
  return cut;
}

// Calls run(taps, pixels, first position) for the blocks of the output, on all threads. `pixels` is a PixelRows<T>.
template <class T, class Run>
Status for_depthwise_blocks(const Call& call, const ConvGeometry& geometry, const ConvSizes& sizes, const PixelRows<T>& pixels, Run run) {
  const DepthwiseCut cut = cut_depthwise(call, geometry, sizes);
  const size_t taps = geometry.taps(), line = sizes.out[2], lines = sizes.rows() / line;
  const size_t kernel_rows = taps / geometry.axes[2].kernel;
  const size_t pitch = cut.shared ? kernel_rows * cut.columns : cut.width * taps;
  std::atomic<bool> no_memory{false};
  const size_t blocks = (lines + cut.lines - 1) / cut.lines;
  call.pool->parallel_for(blocks * cut.parts, [&](size_t i) {
    const size_t first = i / cut.parts * cut.lines, column = i % cut.parts * cut.width;
    if (column >= line) return;
    octavo_taps at = {};
    at.rows = lines - first < cut.lines ? lines - first : cut.lines;
    at.width = line - column < cut.width ? line - column : cut.width;
    at.taps = taps, at.pitch = pitch, at.step = cut.shared ? geometry.axes[2].stride : taps;
    uint8_t* memory = scratch(1, taps * sizeof(size_t) + at.rows * pitch * sizeof(void*));
    if (memory == nullptr) {
      no_memory = true;
      return;
    }
    size_t* tap_at = reinterpret_cast<size_t*>(memory);
    const T** pointers = reinterpret_cast<const T**>(memory + taps * sizeof(size_t));
    at.tap_at = tap_at;
    const ConvAxis& a = geometry.axes[2];
    for (size_t t = 0; t < taps; t++) tap_at[t] = cut.shared ? t / a.kernel * cut.columns + t % a.kernel * a.dilation : t;
    for (size_t r = 0; r < at.rows; r++) {
      if (cut.shared) pixels.line(first + r, column, cut.columns, pointers + r * pitch);
      else pixels.pixels((first + r) * line + column, at.width, pointers + r * pitch);
    }
    run(at, static_cast<const T* const*>(pointers), first * line + column);
  });
  return no_memory ? fail(Code::OutOfMemory, "[%s] no memory for pointers to pixels", call.op) : Status{};
}

}  // namespace octavo
