#include "windows.h"

namespace octavo {
namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

const Span kWhole = {0, 1, 1, 1};

// The image of x over `axes` spatial axes; the others are whole.
Status expect_image(const Call& call, size_t axes, Image* image, Windows* windows) {
  const View& x = call.inputs[0];
  if (axes < 1 || axes > 3 || x.rank < int(axes) + (x.channels_last ? 2 : 1)) {
    return fail(Code::InvalidShape, "[%s] x must be [..., channels, ...spatial] with 1, 2 or 3 spatial axes", call.op);
  }
  *image = image_of(x, int(axes));
  for (size_t i = 0; i < 3 - axes; i++) windows->axes[i] = {kWhole};
  return {};
}

// That the output has the windows' dims and its input's others.
Status expect_windowed(const Call& call, int axes, const Windows& windows) {
  const View &x = call.inputs[0], &y = call.outputs[0];
  bool same = x.rank == y.rank;
  for (int i = 0; same && i < x.rank - axes; i++) same = x.dims[i] == y.dims[i];
  for (int i = 0; same && i < axes; i++) same = y.dim(y.rank - axes + i) == windows.axes[3 - axes + i].size();
  if (!same) return fail(Code::InvalidShape, "[%s] y has a shape that its operands do not give", call.op);
  return x.channels_last == y.channels_last ? Status{} : fail(Code::InvalidArgument, "[%s] x and y must have one layout", call.op);
}

}  // namespace

Status sliding_windows(const Call& call, bool dilated, size_t* at, Image* image, Windows* windows) {
  AttrList kernels, strides, paddings, dilations;
  OCTAVO_TRY(list_attr(call, "kernel", at, &kernels));
  OCTAVO_TRY(list_attr(call, "stride", at, &strides));
  OCTAVO_TRY(list_attr(call, "padding", at, &paddings));
  if (dilated) OCTAVO_TRY(list_attr(call, "dilation", at, &dilations));
  const bool ceil = call.attr_int((*at)++) == 1;
  const size_t axes = kernels.count;
  OCTAVO_TRY(expect_image(call, axes, image, windows));
  const auto fits = [axes](const AttrList& list) { return list.count == 0 || list.count == axes; };
  if (!fits(strides) || !fits(dilations) || (!fits(paddings) && paddings.count != 2 * axes)) {
    return fail(Code::InvalidArgument, "[%s] stride, padding and dilation must have %zu numbers, padding that or twice as many", call.op, axes);
  }
  for (size_t i = 0; i < axes; i++) {
    const int64_t size = int64_t(image->size[3 - axes + i]), kernel = kernels.values[i];
    const int64_t stride = strides.count ? strides.values[i] : kernel;
    const int64_t begin = paddings.count ? paddings.values[i] : 0, end = paddings.count ? paddings.values[paddings.count - axes + i] : 0;
    const int64_t dilation = dilations.count ? dilations.values[i] : 1;
    for (const int64_t number : {kernel, stride, dilation, begin + 1, end + 1}) {
      if (number < 1 || number > INT32_MAX) return fail(Code::InvalidArgument, "[%s] a window's numbers are out of range", call.op);
    }
    const int64_t reach = dilation * (kernel - 1) + 1, room = size + begin + end - reach;
    int64_t count = room < 0 ? 0 : (ceil ? ceil_div(room, stride) : room / stride) + 1;
    // The last window of ceilMode starts inside the image or the padding before it.
    if (ceil && (count - 1) * stride >= size + begin) count--;
    if (count < 1) return fail(Code::InvalidShape, "[%s] the image does not hold a window", call.op);
    std::vector<Span>& spans = windows->axes[3 - axes + i];
    spans.resize(size_t(count));
    for (int64_t j = 0; j < count; j++) {
      const int64_t from = j * stride - begin, limit = from + reach;
      const int64_t start = from < 0 ? from + ceil_div(-from, dilation) * dilation : from;
      spans[size_t(j)] = {start, limit < size ? limit : size, dilation, (limit < size + end ? limit : size + end) - from};
    }
  }
  return expect_windowed(call, int(axes), *windows);
}

Status adaptive_windows(const Call& call, size_t* at, Image* image, Windows* windows) {
  AttrList parts;
  OCTAVO_TRY(list_attr(call, "outputSize", at, &parts));
  const size_t axes = parts.count;
  OCTAVO_TRY(expect_image(call, axes, image, windows));
  for (size_t i = 0; i < axes; i++) {
    const int64_t size = int64_t(image->size[3 - axes + i]), count = parts.values[i];
    if (size < 1 || count < 1 || count > INT32_MAX) return fail(Code::InvalidShape, "[%s] an image with elements and parts of 1 or more are needed", call.op);
    std::vector<Span>& spans = windows->axes[3 - axes + i];
    spans.resize(size_t(count));
    for (int64_t j = 0; j < count; j++) {
      const int64_t start = j * size / count, end = ceil_div((j + 1) * size, count);
      spans[size_t(j)] = {start, end, 1, end - start};
    }
  }
  return expect_windowed(call, int(axes), *windows);
}

}  // namespace octavo
