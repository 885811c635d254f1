#include <string.h>

#include "resampling.h"
#include "windows.h"

namespace octavo {
namespace {

// x [..., height, width] -> y of the attribute's size, the first two numbers of the list at 0.
Status expect_resize(const Call& call, size_t* at) {
  OCTAVO_TRY(expect_codes_to_codes(call, 1, 1));
  const View &x = call.inputs[0], &y = call.outputs[0];
  AttrList size;
  OCTAVO_TRY(list_attr(call, "size", at, &size));
  bool fits = size.count == 2 && x.rank >= (x.channels_last ? 4 : 3) && x.rank == y.rank && x.channels_last == y.channels_last && x.dim(-1) * x.dim(-2) != 0;
  for (int i = 0; fits && i < y.rank; i++) fits = y.dims[i] == (i < y.rank - 2 ? x.dims[i] : size.values[i - (y.rank - 2)]);
  return fits ? Status{} : fail(Code::InvalidShape, "[%s] x and y do not fit the size", call.op);
}

}  // namespace

// attrs: size (list of two).
Status quantized_upsample_nearest2d(Call& call) {
  size_t at = 0;
  OCTAVO_TRY(expect_resize(call, &at));
  const View &x = call.inputs[0], &y = call.outputs[0];
  const Image from = image_of(x, 2), to = image_of(y, 2);
  const std::vector<size_t> rows = nearest(from.size[1], to.size[1]), columns = nearest(from.size[2], to.size[2]);
  const size_t inner = to.inner;
  for_row_chunks(call, to.outer * rows.size(), columns.size() * inner, [&](size_t first, size_t last) {
    for (size_t r = first; r < last; r++) {
      const uint8_t* source = x.data + (r / rows.size() * from.size[1] + rows[r % rows.size()]) * from.size[2] * inner;
      uint8_t* target = y.data + r * columns.size() * inner;
      if (inner == 1) {
        for (size_t j = 0; j < columns.size(); j++) target[j] = source[columns[j]];
      } else {
        for (size_t j = 0; j < columns.size(); j++) memcpy(target + j * inner, source + columns[j] * inner, inner);
      }
    }
  });
  return {};
}

// attrs: size (list of two), alignCorners, xZeroPoint.
Status quantized_upsample_bilinear2d(Call& call) {
  size_t at = 0;
  OCTAVO_TRY(expect_resize(call, &at));
  const View &x = call.inputs[0], &y = call.outputs[0];
  const bool align_corners = call.attr_int(at) == 1;
  const Image from = image_of(x, 2), to = image_of(y, 2);
  const std::vector<Between> rows = betweens(from.size[1], to.size[1], align_corners);
  const std::vector<Between> columns = betweens(from.size[2], to.size[2], align_corners);
  const CodeType type = code_type(x);
  const int32_t zero = int32_t(call.attr_int(at + 1));
  const octavo_to_codes codes = to_codes(type, 1.0f, zero);
  const size_t inner = to.inner;
  for_row_chunks(call, to.outer * rows.size(), columns.size() * inner * 4, [&](size_t first, size_t last) {
    for (size_t r = first; r < last; r++) {
      const Between& row = rows[r % rows.size()];
      const uint8_t* plane = x.data + r / rows.size() * from.size[1] * from.size[2] * inner;
      const uint8_t* lines[2] = {plane + row.near * from.size[2] * inner, plane + row.far * from.size[2] * inner};
      uint8_t* target = y.data + r * columns.size() * inner;
      for (size_t j = 0; j < columns.size(); j++) {
        const Between& column = columns[j];
        const uint8_t* const p[4] = {lines[0] + column.near * inner, lines[0] + column.far * inner, lines[1] + column.near * inner,
                                     lines[1] + column.far * inner};
        if (inner != 1) {
          call.kernels->codes->interpolate(p, column.weights, row.weights, type.shift, &codes, target + j * inner, inner);
          continue;
        }
        const auto value = [&](int k) { return float(int32_t(uint8_t(*p[k] ^ type.flip)) - type.shift); };
        const float above = column.weights[0] * value(0) + column.weights[1] * value(1);
        const float below = column.weights[0] * value(2) + column.weights[1] * value(3);
        const float mixed = row.weights[0] * above + row.weights[1] * below;
        target[j] = uint8_t(quantize_value(mixed - float(zero), 1.0f, zero, type.low, type.high));
      }
    }
  });
  return {};
}

}  // namespace octavo
