#include "quantized.h"
#include "strided.h"

namespace octavo {
namespace {

// x with margins of `fill` around its last dimensions; negative ones take elements away. attrs: count, what is put before
// each of count / 2 dimensions, then what is put behind.
template <class T> Status pad_with(Call& call, T fill) {
  const View &x = call.inputs[0], &y = call.outputs[0];
  const int64_t count = call.attr_int(0), axes = count / 2;
  if (count < 0 || count % 2 != 0 || axes > x.rank || y.rank != x.rank || size_t(count) >= call.attr_count) {
    return fail(Code::InvalidShape, "[%s] the padding does not fit", call.op);
  }
  // What of x stays: `kept` elements from `first` on along each dimension, from `at` on in y.
  int64_t before[kMaxRank], kept[kMaxRank];
  size_t from = 0, to = 0, rows = 1;
  ptrdiff_t x_steps[kMaxRank], y_steps[kMaxRank];
  dense_steps(x, x_steps);
  dense_steps(y, y_steps);
  for (int i = 0; i < x.rank; i++) {
    const int64_t own = i - (x.rank - axes);
    before[i] = own < 0 ? 0 : call.attr_int(size_t(1 + own));
    const int64_t after = own < 0 ? 0 : call.attr_int(size_t(1 + axes + own));
    if (y.dims[i] != x.dims[i] + before[i] + after) return fail(Code::InvalidShape, "[%s] y does not fit the padding", call.op);
    const int64_t first = before[i] < 0 ? -before[i] : 0, end = x.dims[i] < y.dims[i] - before[i] ? x.dims[i] : y.dims[i] - before[i];
    kept[i] = end > first ? end - first : 0;
    from += size_t(first * x_steps[i]), to += size_t((first + before[i]) * y_steps[i]);
    if (i + 1 < x.rank) rows *= size_t(kept[i]);
  }
  T* out = y.as<T>();
  for (size_t i = 0; i < y.size(); i++) out[i] = fill;
  const size_t run = x.rank == 0 ? 1 : size_t(kept[x.rank - 1]);
  if (run == 0) return {};
  for (size_t r = 0; r < rows; r++) {
    size_t rest = r, source = from, target = to;
    for (int i = x.rank - 2; i >= 0; i--) {
      const size_t index = rest % size_t(kept[i]);
      rest /= size_t(kept[i]);
      source += index * size_t(x_steps[i]), target += index * size_t(y_steps[i]);
    }
    memcpy(out + target, x.as<T>() + source, run * sizeof(T));
  }
  return {};
}

}  // namespace

// attrs: padding (list), value.
Status pad(Call& call) {
  OCTAVO_TRY(expect_copy(call));
  OCTAVO_TRY(expect_tensor(call, "x", call.inputs[0], DType::Float32));
  return pad_with<float>(call, call.attr_count == 0 ? 0.0f : float(call.attrs[call.attr_count - 1]));
}

// attrs: padding (list), xZeroPoint.
Status quantized_pad(Call& call) {
  OCTAVO_TRY(expect_codes_to_codes(call, 1, 1));
  return pad_with<uint8_t>(call, uint8_t(call.attr_count == 0 ? 0 : int64_t(call.attrs[call.attr_count - 1])));
}

}  // namespace octavo
