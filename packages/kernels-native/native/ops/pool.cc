#include <math.h>

#include "windows.h"

namespace octavo {
namespace {

Status expect_floats(const Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 1));
  OCTAVO_TRY(expect_tensor(call, "x", call.inputs[0], DType::Float32));
  return expect_tensor(call, "y", call.outputs[0], DType::Float32);
}

// Elements are added from +0 in row-major order of the window, then divided once. Channels that lie innermost are added
// as vectors, each in that order.
template <class Divisor> void average(Call& call, const Image& image, const Windows& windows, Divisor divisor_of) {
  const float* x = call.inputs[0].floats();
  float* y = call.outputs[0].floats();
  const size_t outputs = windows.outputs(), inner = image.inner;
  for_windows(call, image, windows, [&](size_t outer, const Span* const spans[3], size_t output) {
    const int64_t count = spans[0]->count() * spans[1]->count() * spans[2]->count();
    float* to = y + (outer * outputs + output) * inner;
    for (size_t c = 0; c < inner; c++) to[c] = 0.0f;
    if (count == 0) return;
    const float divisor = float(divisor_of(count, spans[0]->padded * spans[1]->padded * spans[2]->padded));
    if (inner == 1) {
      float sum = 0.0f;
      for_window_rows(image, outer, spans, [&](size_t from, size_t columns, size_t step) {
        for (size_t j = 0; j < columns; j++) sum += x[from + j * step];
      });
      *to = sum / divisor;
      return;
    }
    for_window_rows(image, outer, spans, [&](size_t from, size_t columns, size_t step) {
      for (size_t j = 0; j < columns; j++) call.kernels->binary(OCTAVO_BINARY_ADD, to, 1, x + from + j * step, 1, to, inner);
    });
    call.kernels->binary(OCTAVO_BINARY_DIV, to, 1, &divisor, 0, to, inner);
  });
}

}  // namespace

// attrs: kernel, stride, padding, dilation (lists), ceilMode. NaN wins, and the first of equal elements.
Status max_pool(Call& call) {
  OCTAVO_TRY(expect_floats(call));
  size_t at = 0;
  Image image;
  Windows windows;
  OCTAVO_TRY(sliding_windows(call, true, &at, &image, &windows));
  const float* x = call.inputs[0].floats();
  float* y = call.outputs[0].floats();
  const size_t outputs = windows.outputs(), inner = image.inner;
  for_windows(call, image, windows, [&](size_t outer, const Span* const spans[3], size_t output) {
    float* to = y + (outer * outputs + output) * inner;
    for (size_t c = 0; c < inner; c++) to[c] = -HUGE_VALF;
    for_window_rows(image, outer, spans, [&](size_t from, size_t columns, size_t step) {
      for (size_t j = 0; j < columns; j++) {
        const float* pixel = x + from + j * step;
        for (size_t c = 0; c < inner; c++) to[c] = pixel[c] > to[c] || pixel[c] != pixel[c] ? pixel[c] : to[c];
      }
    });
  });
  return {};
}

// attrs: kernel, stride, padding (lists), ceilMode, countIncludePad, divisor.
Status avg_pool(Call& call) {
  OCTAVO_TRY(expect_floats(call));
  size_t at = 0;
  Image image;
  Windows windows;
  OCTAVO_TRY(sliding_windows(call, false, &at, &image, &windows));
  const bool padded = call.attr_int(at) == 1;
  const int64_t divisor = call.attr_int(at + 1);
  average(call, image, windows, [=](int64_t count, int64_t area) { return divisor > 0 ? divisor : padded ? area : count; });
  return {};
}

// attrs: outputSize (list).
Status adaptive_avg_pool(Call& call) {
  OCTAVO_TRY(expect_floats(call));
  size_t at = 0;
  Image image;
  Windows windows;
  OCTAVO_TRY(adaptive_windows(call, &at, &image, &windows));
  average(call, image, windows, [](int64_t count, int64_t) { return count; });
  return {};
}

}  // namespace octavo
