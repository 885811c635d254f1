// Windows over the spatial axes of an image, as core's pools cut them, and the image's memory order as three numbers.
#pragma once
#include <vector>

#include "layout.h"
#include "quantized.h"

namespace octavo {

// Elements [start, end) in steps of `step` of one axis under one output, and the window's length with its padding.
struct Span {
  int64_t start, end, step, padded;
  int64_t count() const { return end > start ? (end - start + step - 1) / step : 0; }
};

// The last axes of a tensor [..., channels, ...spatial] as [outer][depth][height][width][inner], whatever its layout: inner is the channels where they come last and
// 1 where they come first. Axes that it lacks have one element.
struct Image {
  size_t outer, size[3], inner;
  size_t plane() const { return size[0] * size[1] * size[2]; }
};

inline Image image_of(const View& view, int axes) {
  Image image = {1, {1, 1, 1}, view.channels_last ? view.dim(1) : 1};
  for (int i = 0; i < view.rank - axes; i++) {
    if (!(view.channels_last && i == 1)) image.outer *= view.dim(i);
  }
  for (int i = 0; i < axes; i++) image.size[3 - axes + i] = view.dim(view.rank - axes + i);
  return image;
}

struct Windows {
  std::vector<Span> axes[3];  // depth, height, width; an axis that an image lacks has one span of its one element
  size_t outputs() const { return axes[0].size() * axes[1].size() * axes[2].size(); }
};

// Reads attributes kernel, stride, padding, dilation (where `dilated`) and ceilMode from `*at` on, which moves behind them,
// and cuts the sliding windows of x over as many axes as the kernel has. A list that was left out is empty; padding is one
// number an axis or [begin..., end...].
Status sliding_windows(const Call& call, bool dilated, size_t* at, Image* image, Windows* windows);
// Reads attribute outputSize: windows that divide each axis into so many parts.
Status adaptive_windows(const Call& call, size_t* at, Image* image, Windows* windows);

// Calls run(outer, spans of one output, output index within its plane) for every output; outputs of one row of the image
// go to one thread.
template <class Run> void for_windows(const Call& call, const Image& image, const Windows& windows, Run run) {
  const std::vector<Span>&depth = windows.axes[0], &height = windows.axes[1], &width = windows.axes[2];
  size_t work = width.size() * image.inner;
  if (windows.outputs() != 0) work *= size_t(1 + depth[0].count() * height[0].count() * width[0].count());
  for_row_chunks(call, image.outer * depth.size() * height.size(), work, [&](size_t from, size_t to) {
    for (size_t r = from; r < to; r++) {
      const size_t row = r % height.size(), slice = r / height.size() % depth.size(), outer = r / height.size() / depth.size();
      for (size_t column = 0; column < width.size(); column++) {
        const Span* spans[3] = {&depth[slice], &height[row], &width[column]};
        run(outer, spans, (slice * height.size() + row) * width.size() + column);
      }
    }
  });
}

// Calls run(offset in elements, count of columns, step in elements) for each row of a window.
template <class Run> void for_window_rows(const Image& image, size_t outer, const Span* const spans[3], Run run) {
  const int64_t columns = spans[2]->count();
  if (columns == 0) return;
  for (int64_t d = spans[0]->start; d < spans[0]->end; d += spans[0]->step) {
    for (int64_t h = spans[1]->start; h < spans[1]->end; h += spans[1]->step) {
      const size_t pixel = ((outer * image.size[0] + size_t(d)) * image.size[1] + size_t(h)) * image.size[2] + size_t(spans[2]->start);
      run(pixel * image.inner, size_t(columns), size_t(spans[2]->step) * image.inner);
    }
  }
}

}  // namespace octavo
