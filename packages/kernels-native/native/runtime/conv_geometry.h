// Where a convolution's taps lie, over three spatial axes: depth, height, width. Fewer axes leave the first ones at one
// tap, so that there is one form of the loops. Formulas: core's `ops/quantized/conv.ts`.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace octavo {

constexpr int kSpatialAxes = 3;

struct ConvAxis {
  size_t kernel = 1, stride = 1, dilation = 1, begin = 0, end = 0, output_padding = 0;
};

struct ConvGeometry {
  int rank = 0;  // spatial axes; 0 where there is no convolution
  bool transposed = false;
  ConvAxis axes[kSpatialAxes];  // the last `rank` are in use

  size_t taps() const { return axes[0].kernel * axes[1].kernel * axes[2].kernel; }

  // Size of the output along an axis, below 1 where the input is too small.
  int64_t output(int axis, size_t input) const {
    const ConvAxis& a = axes[axis];
    const int64_t in = int64_t(input), reach = int64_t(a.dilation * (a.kernel - 1)), pads = int64_t(a.begin + a.end);
    if (transposed) return (in - 1) * int64_t(a.stride) - pads + reach + int64_t(a.output_padding) + 1;
    const int64_t room = in + pads - reach - 1;
    return room < 0 ? 0 : room / int64_t(a.stride) + 1;
  }

  // The input coordinate under a tap at an output coordinate, or -1 where only padding lies.
  int64_t input(int axis, size_t out, size_t tap, size_t size) const {
    const ConvAxis& a = axes[axis];
    int64_t at;
    if (transposed) {
      const int64_t steps = int64_t(out + a.begin) - int64_t(tap * a.dilation);
      if (steps < 0 || steps % int64_t(a.stride) != 0) return -1;
      at = steps / int64_t(a.stride);
    } else {
      at = int64_t(out * a.stride + tap * a.dilation) - int64_t(a.begin);
    }
    return at >= 0 && at < int64_t(size) ? at : -1;
  }

  // One tap on each pixel: the input's rows are the rows of the GEMM.
  bool in_place() const {
    for (const ConvAxis& a : axes) {
      if (a.kernel != 1 || a.stride != 1 || a.begin != 0 || a.end != 0 || a.output_padding != 0) return false;
    }
    return true;
  }
};

}  // namespace octavo
