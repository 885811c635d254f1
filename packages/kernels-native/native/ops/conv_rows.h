// A convolution as a GEMM without its matrix: rows are output positions, batch first, and pointers say where the pixels
// under the kernel lie. Padding points to one pixel of zero points, so that sums need no case for it.
#pragma once
#include <string.h>

#include "../runtime/call.h"
#include "../runtime/transpose.h"

namespace octavo {

// Sizes of one call, checked. x and y lie [batch, depth, height, width, channels].
struct ConvSizes {
  size_t batch, in_channels, out_channels;
  size_t in[kSpatialAxes], out[kSpatialAxes];

  size_t in_positions() const { return in[0] * in[1] * in[2]; }
  size_t out_positions() const { return out[0] * out[1] * out[2]; }
  size_t rows() const { return batch * out_positions(); }
};

// Reads and checks the dims of x [batch, in, ...spatial] and y [batch, out, ...spatial].
inline Status read_conv_sizes(const Call& call, const ConvGeometry& geometry, size_t in_channels, size_t out_channels, ConvSizes* sizes) {
  const View &x = call.inputs[0], &y = call.outputs[0];
  if (x.rank != geometry.rank + 2 || y.rank != x.rank || x.dim(1) != in_channels || y.dim(1) != out_channels || x.dim(0) != y.dim(0)) {
    return fail(Code::InvalidShape, "[%s] x and y must be [batch, channels, ...] of %d spatial axes, %zu channels to %zu", call.op,
                geometry.rank, in_channels, out_channels);
  }
  *sizes = {x.dim(0), in_channels, out_channels, {1, 1, 1}, {1, 1, 1}};
  for (int i = 0; i < geometry.rank; i++) {
    const int axis = kSpatialAxes - geometry.rank + i;
    sizes->in[axis] = x.dim(2 + i), sizes->out[axis] = y.dim(2 + i);
    const int64_t expected = geometry.output(axis, x.dim(2 + i));
    if (x.dim(2 + i) == 0 || expected < 1 || expected != y.dims[2 + i]) {
      return fail(Code::InvalidShape, "[%s] y has %zu positions along axis %d where x gives %lld", call.op, y.dim(2 + i), 2 + i,
                  (long long)expected);
    }
  }
  return {};
}

// Where the pixels under the kernel lie.
template <class T> class PixelRows {
 public:
  // padding: `channels` values, where no pixel is.
  PixelRows(const ConvGeometry& geometry, const ConvSizes& sizes, const T* x, const T* padding)
      : geometry_(geometry), sizes_(sizes), x_(x), padding_(padding) {}

  // Pointers to the pixels of `count` output positions from `first` on: [count][taps].
  void pixels(size_t first, size_t count, const T** out) const {
    const size_t taps = geometry_.taps(), step = geometry_.axes[2].stride * sizes_.in_channels;
    bool before_inside = false;
    for_positions(first, count, [&](const T* image, const size_t* at, size_t i) {
      const bool inside = !geometry_.transposed && is_inside(at[2]);
      if (i != 0 && at[2] != 0 && inside && before_inside) {
        // The position to the left had the same input rows, a step before.
        for (size_t t = 0; t < taps; t++) {
          const T* before = out[t - taps];
          out[t] = before == padding_ ? padding_ : before + step;
        }
        out += taps;
      } else {
        out = pixels_at(image, at, out);
      }
      before_inside = inside;
    });
  }

  // Where taps along the width lie side by side, a kernel row is one run of values.
  bool has_runs() const { return !geometry_.transposed && geometry_.axes[2].dilation == 1; }

  // The values under the kernel of `count` positions, runs one behind the other: rows of `ld` values, taps * channels of them,
  // then zeros. For few channels, where a pointer to each pixel would cost more than the pixel.
  void collect(size_t first, size_t count, T* out, size_t ld) const {
    const size_t run = geometry_.axes[2].kernel * sizes_.in_channels, bytes = run * sizeof(T);
    with_copy(bytes, [&](auto copy) {
      while (count != 0) {
        const size_t line = first / sizes_.out[2], column = first % sizes_.out[2];
        const size_t positions = sizes_.out[2] - column < count ? sizes_.out[2] - column : count;
        collect_line(line, column, positions, out, ld, copy);
        first += positions, count -= positions, out += positions * ld;
      }
    });
  }

  // Of a plain convolution, along a part of a line of the output (lines of all images are counted): for each kernel row `count`
  // pixels side by side, the first that under the first tap of output column `column`.
  void line(size_t line, size_t column, size_t count, const T** out) const {
    const ConvAxis* axes = geometry_.axes;
    const size_t at[2] = {line / sizes_.out[1] % sizes_.out[0], line % sizes_.out[1]};
    const T* image = image_of(line);
    const int64_t left = int64_t(column * axes[2].stride) - int64_t(axes[2].begin), width = int64_t(sizes_.in[2]);
    const auto within = [&](int64_t at) { return at < 0 ? size_t(0) : size_t(at) < count ? size_t(at) : count; };
    const size_t first = within(-left), last = within(width - left);
    for (size_t d = 0; d < axes[0].kernel; d++) {
      for (size_t h = 0; h < axes[1].kernel; h++) {
        const T* row = input_row(image, at, d, h);
        size_t i = 0;
        for (; row != nullptr && i < first; i++) *out++ = padding_;
        for (; row != nullptr && i < last; i++) *out++ = row + size_t(left + int64_t(i)) * sizes_.in_channels;
        for (; i < count; i++) *out++ = padding_;
      }
    }
  }

 private:
  const T* image_of(size_t line) const {
    return x_ + line / sizes_.out[1] / sizes_.out[0] * sizes_.in_positions() * sizes_.in_channels;
  }

  // Calls run(copy), where copy(from, to) copies `bytes` bytes: short runs by two moves that may overlap, without a call.
  template <class Run> static void with_copy(size_t bytes, Run run) {
    if (bytes >= 8 && bytes <= 16) return run([bytes](const uint8_t* from, uint8_t* to) { copy_ends<8>(from, to, bytes); });
    if (bytes > 16 && bytes <= 32) return run([bytes](const uint8_t* from, uint8_t* to) { copy_ends<16>(from, to, bytes); });
    if (bytes > 32 && bytes <= 64) return run([bytes](const uint8_t* from, uint8_t* to) { copy_ends<32>(from, to, bytes); });
    run([bytes](const uint8_t* from, uint8_t* to) { memcpy(to, from, bytes); });
  }
  template <size_t Bytes> static void copy_ends(const uint8_t* from, uint8_t* to, size_t bytes) {
    uint8_t first[Bytes], last[Bytes];
    memcpy(first, from, Bytes), memcpy(last, from + bytes - Bytes, Bytes);
    memcpy(to, first, Bytes), memcpy(to + bytes - Bytes, last, Bytes);
  }

  // `collect` along a part of one line of the output.
  template <class Copy> void collect_line(size_t line, size_t column, size_t positions, T* out, size_t ld, Copy copy) const {
    const ConvAxis* axes = geometry_.axes;
    const ConvAxis& a = axes[2];
    const size_t channels = sizes_.in_channels, run = a.kernel * channels, step = a.stride * channels;
    const size_t at[2] = {line / sizes_.out[1] % sizes_.out[0], line % sizes_.out[1]};
    // Positions [inside, beyond) have all their taps in the input.
    size_t inside = 0;
    while (inside < positions && !is_inside(column + inside)) inside++;
    size_t beyond = inside;
    while (beyond < positions && is_inside(column + beyond)) beyond++;
    T* to = out;
    for (size_t d = 0; d < axes[0].kernel; d++) {
      for (size_t h = 0; h < axes[1].kernel; h++, to += run) {
        const T* row = input_row(image_of(line), at, d, h);
        const auto by_pixels = [&](size_t i) {
          for (size_t w = 0; w < a.kernel; w++) {
            const int64_t pixel = row == nullptr ? -1 : geometry_.input(2, column + i, w, sizes_.in[2]);
            memcpy(to + i * ld + w * channels, pixel < 0 ? padding_ : row + size_t(pixel) * channels, channels * sizeof(T));
          }
        };
        if (row == nullptr) {
          for (size_t i = 0; i < positions; i++) by_pixels(i);
          continue;
        }
        for (size_t i = 0; i < inside; i++) by_pixels(i);
        if (inside < beyond) {
          const T* from = row + ((column + inside) * a.stride - a.begin) * channels;
          for (size_t i = inside; i < beyond; i++, from += step) {
            copy(reinterpret_cast<const uint8_t*>(from), reinterpret_cast<uint8_t*>(to + i * ld));
          }
        }
        for (size_t i = beyond; i < positions; i++) by_pixels(i);
      }
    }
    const size_t pad = ld - size_t(to - out);
    for (size_t i = 0; pad != 0 && i < positions; i++) memset(to + i * ld, 0, pad * sizeof(T));
  }

  const T** pixels_at(const T* image, const size_t* at, const T** out) const {
    const ConvAxis* axes = geometry_.axes;
    for (size_t d = 0; d < axes[0].kernel; d++) {
      for (size_t h = 0; h < axes[1].kernel; h++) {
        const T* row = input_row(image, at, d, h);
        for (size_t w = 0; w < axes[2].kernel; w++) {
          const int64_t column = row == nullptr ? -1 : geometry_.input(2, at[2], w, sizes_.in[2]);
          *out++ = column < 0 ? padding_ : row + size_t(column) * sizes_.in_channels;
        }
      }
    }
    return out;
  }

  // Whether all taps along the width lie in the input, in a plain convolution.
  bool is_inside(size_t out) const {
    const ConvAxis& a = geometry_.axes[2];
    return out * a.stride >= a.begin && out * a.stride + (a.kernel - 1) * a.dilation - a.begin < sizes_.in[2];
  }

  // Calls run(image, coordinates, index) for each position.
  template <class Run> void for_positions(size_t first, size_t count, Run run) const {
    size_t rest = first, at[kSpatialAxes];
    for (int axis = kSpatialAxes - 1; axis >= 0; axis--) {
      at[axis] = rest % sizes_.out[axis];
      rest /= sizes_.out[axis];
    }
    const size_t image = sizes_.in_positions() * sizes_.in_channels;
    const T* from = x_ + rest * image;
    for (size_t i = 0; i < count; i++) {
      run(from, at, i);
      for (int axis = kSpatialAxes - 1; ++at[axis] == sizes_.out[axis]; axis--) {
        at[axis] = 0;
        if (axis == 0) {
          from += image;
          break;
        }
      }
    }
  }

  // The first pixel of the input row under tap (d, h), or nullptr in the padding.
  const T* input_row(const T* image, const size_t* at, size_t d, size_t h) const {
    const int64_t depth = geometry_.input(0, at[0], d, sizes_.in[0]), height = geometry_.input(1, at[1], h, sizes_.in[1]);
    if (depth < 0 || height < 0) return nullptr;
    return image + (size_t(depth) * sizes_.in[1] + size_t(height)) * sizes_.in[2] * sizes_.in_channels;
  }

  const ConvGeometry& geometry_;
  const ConvSizes& sizes_;
  const T* x_;
  const T* padding_;
};

// [batch][rows][columns] -> [batch][columns][rows], shared out over the threads.
template <class T> void transpose_all(const Call& call, const T* from, size_t batch, size_t rows, size_t columns, T* to) {
  constexpr size_t kStrip = 64;
  const size_t strips = (columns + kStrip - 1) / kStrip;
  for_row_chunks(call, batch * strips, rows * kStrip, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; i++) {
      const size_t image = i / strips * rows * columns, column = i % strips * kStrip;
      const size_t count = columns - column < kStrip ? columns - column : kStrip;
      transpose(from + image + column, columns, rows, count, to + image + column * rows, rows);
    }
  });
}

// Calls run(first row, rows) for blocks of at most `most` rows, smaller where threads would be idle.
template <class Run> void for_row_blocks(const Call& call, size_t rows, size_t most, Run run) {
  const size_t even = (rows + call.pool->threads() * 2 - 1) / (call.pool->threads() * 2);
  const size_t block = even < 8 ? 8 : even < most ? even : most;
  call.pool->parallel_for((rows + block - 1) / block, [&](size_t i) {
    const size_t row = i * block;
    run(row, rows - row < block ? rows - row : block);
  });
}

}  // namespace octavo
