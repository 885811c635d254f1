#include "ops.h"
#include "quantized.h"
#include "resampling.h"

namespace octavo {
namespace {

// x [..., channels, ...spatial] -> y of the attribute's size, a list of as many numbers as there are spatial dimensions.
Status expect_resize(const Call& call, size_t least, size_t most, size_t* at, size_t* axes) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 1));
  const View &x = call.inputs[0], &y = call.outputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "y", y, DType::Float32));
  AttrList size;
  OCTAVO_TRY(list_attr(call, "size", at, &size));
  *axes = size.count;
  const int leading = x.rank - int(size.count);
  bool fits = size.count >= least && size.count <= most && leading >= 1 && y.rank == x.rank;
  for (int i = 0; fits && i < x.rank; i++) fits = x.dims[i] != 0 || i < leading;
  for (int i = 0; fits && i < x.rank; i++) fits = y.dims[i] == (i < leading ? x.dims[i] : size.values[i - leading]);
  return fits ? Status{} : fail(Code::InvalidShape, "[%s] x and y do not fit the size", call.op);
}

}  // namespace

// attrs: size (list of one to three).
Status upsample_nearest(Call& call) {
  size_t at = 0, axes = 0;
  OCTAVO_TRY(expect_resize(call, 1, 3, &at, &axes));
  const View &x = call.inputs[0], &y = call.outputs[0];
  if (y.size() == 0) return {};
  // Offsets of the rows of one plane, from the outer axes, and of the columns of a row.
  const int first = x.rank - int(axes);
  const std::vector<size_t> columns = nearest(x.dim(-1), y.dim(-1));
  std::vector<size_t> rows = {0};
  size_t plane = x.dim(-1);
  for (int axis = x.rank - 2; axis >= first; axis--) {
    std::vector<size_t> combined;
    for (size_t index : nearest(x.dim(axis), y.dim(axis))) {
      for (size_t inner : rows) combined.push_back(index * plane + inner);
    }
    rows = std::move(combined);
    plane *= x.dim(axis);
  }
  const size_t width = columns.size();
  for_row_chunks(call, y.size() / width, width, [&](size_t from, size_t to) {
    for (size_t r = from; r < to; r++) {
      const float* source = x.floats() + r / rows.size() * plane + rows[r % rows.size()];
      float* target = y.floats() + r * width;
      for (size_t j = 0; j < width; j++) target[j] = source[columns[j]];
    }
  });
  return {};
}

// attrs: size (list of two), alignCorners.
Status upsample_bilinear(Call& call) {
  size_t at = 0, axes = 0;
  OCTAVO_TRY(expect_resize(call, 2, 2, &at, &axes));
  const View &x = call.inputs[0], &y = call.outputs[0];
  if (y.size() == 0) return {};
  const bool align_corners = call.attr_int(at) == 1;
  const size_t height = x.dim(-2), width = x.dim(-1);
  const std::vector<Between> rows = betweens(height, y.dim(-2), align_corners), columns = betweens(width, y.dim(-1), align_corners);
  for_row_chunks(call, y.size() / columns.size(), columns.size() * 8, [&](size_t from, size_t to) {
    for (size_t r = from; r < to; r++) {
      const Between& row = rows[r % rows.size()];
      const float* plane = x.floats() + r / rows.size() * height * width;
      const float *above = plane + row.near * width, *below = plane + row.far * width;
      float* target = y.floats() + r * columns.size();
      for (size_t j = 0; j < columns.size(); j++) {
        const Between& c = columns[j];
        const float high = c.weights[0] * above[c.near] + c.weights[1] * above[c.far];
        const float low = c.weights[0] * below[c.near] + c.weights[1] * below[c.far];
        target[j] = row.weights[0] * high + row.weights[1] * low;
      }
    }
  });
  return {};
}

}  // namespace octavo
