// Ops along one dimension: the place of an extreme, running sums, the k largest.
#include <math.h>

#include <algorithm>
#include <vector>

#include "ops.h"
#include "strided.h"

namespace octavo {
namespace {

// Lines of `count` elements along a dimension, `stride` apart.
struct Lines {
  size_t total, count, stride;
  // The first element of a line, in a tensor that has `size` elements along the dimension.
  size_t start(size_t line, size_t size) const { return line / stride * stride * size + line % stride; }
};

// A tensor without dimensions is one line of one element.
Status expect_lines(const Call& call, const View& x, int64_t dim, Lines* lines) {
  OCTAVO_TRY(expect_tensor(call, "x", x, x.dtype));
  *lines = {1, 1, 1};
  if (x.rank == 0) return dim == 0 || dim == -1 ? Status{} : fail(Code::InvalidShape, "[%s] no such dimension", call.op);
  int axis = 0;
  OCTAVO_TRY(axis_of(call, x, dim, &axis));
  lines->count = x.dim(axis);
  for (int i = axis + 1; i < x.rank; i++) lines->stride *= x.dim(i);
  lines->total = lines->stride;
  for (int i = 0; i < axis; i++) lines->total *= x.dim(i);
  return {};
}

template <class Run> Status by_number(const Call& call, DType dtype, Run run) {
  switch (dtype) {
    case DType::Float32: run(float()); return {};
    case DType::Int8: run(int8_t()); return {};
    case DType::Uint8: case DType::Bool: run(uint8_t()); return {};
    case DType::Int32: run(int32_t()); return {};
    case DType::Int64: run(int64_t()); return {};
    default: return fail(Code::InvalidDtype, "[%s] has no form for dtype code %d", call.op, int(dtype));
  }
}

bool is_nan(float x) { return isnan(x); }
template <class T> bool is_nan(T) { return false; }

// attrs: dim, keepDim, last. A NaN counts as the extreme; of equals the first, or the last.
template <bool Largest> Status index_of_extreme(Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 1));
  const View &x = call.inputs[0], &y = call.outputs[0];
  Lines lines;
  OCTAVO_TRY(expect_lines(call, x, call.attr_int(0), &lines));
  OCTAVO_TRY(expect_tensor(call, "y", y, DType::Int64));
  OCTAVO_TRY(expect_size(call, "y", y, lines.total));
  const bool last_of_equals = call.attr_int(2) == 1;
  return by_number(call, x.dtype, [&](auto zero) {
    using T = decltype(zero);
    for_row_chunks(call, lines.total, lines.count * 2, [&](size_t first, size_t last) {
      for (size_t line = first; line < last; line++) {
        const T* from = x.as<T>() + lines.start(line, lines.count);
        size_t best = 0;
        for (size_t i = 1; i < lines.count; i++) {
          const T a = from[i * lines.stride], b = from[best * lines.stride];
          if ((Largest ? a > b : a < b) || (last_of_equals && a == b) || (is_nan(a) && !is_nan(b))) best = i;
        }
        y.as<int64_t>()[line] = int64_t(best);
      }
    });
  });
}

template <class T> void running_sums(Call& call, const Lines& lines, bool exclusive, bool reverse) {
  const View &x = call.inputs[0], &y = call.outputs[0];
  for_row_chunks(call, lines.total, lines.count * 2, [&](size_t first, size_t last) {
    for (size_t line = first; line < last; line++) {
      const size_t start = lines.start(line, lines.count);
      T sum = 0;
      for (size_t i = 0; i < lines.count; i++) {
        const size_t at = start + (reverse ? lines.count - 1 - i : i) * lines.stride;
        const T next = sum + x.as<T>()[at];
        y.as<T>()[at] = exclusive ? sum : next;
        sum = next;
      }
    }
  });
}

}  // namespace

Status argmax(Call& call) { return index_of_extreme<true>(call); }
Status argmin(Call& call) { return index_of_extreme<false>(call); }

// attrs: dim, exclusive (the element itself left out), reverse (from the end). Integers wrap.
Status cumsum(Call& call) {
  OCTAVO_TRY(expect_copy(call));
  const View& x = call.inputs[0];
  Lines lines;
  OCTAVO_TRY(expect_lines(call, x, call.attr_int(0), &lines));
  OCTAVO_TRY(expect_same_dims(call, "y", call.outputs[0], x));
  const bool exclusive = call.attr_int(1) == 1, reverse = call.attr_int(2) == 1;
  switch (x.dtype) {
    case DType::Float32: running_sums<float>(call, lines, exclusive, reverse); return {};
    case DType::Int32: running_sums<uint32_t>(call, lines, exclusive, reverse); return {};
    case DType::Int64: running_sums<uint64_t>(call, lines, exclusive, reverse); return {};
    default: return fail(Code::InvalidDtype, "[%s] x has dtype code %d", call.op, int(x.dtype));
  }
}

// attrs: k, dim, largest. Sorted; the lower index first among equals, NaN as the largest.
Status topk(Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 2));
  const View &x = call.inputs[0], &values = call.outputs[0], &indices = call.outputs[1];
  Lines lines;
  OCTAVO_TRY(expect_lines(call, x, call.attr_int(1), &lines));
  OCTAVO_TRY(expect_tensor(call, "values", values, x.dtype));
  OCTAVO_TRY(expect_tensor(call, "indices", indices, DType::Int64));
  const int64_t asked = call.attr_int(0);
  if (x.rank == 0 || asked < 0 || size_t(asked) > lines.count) return fail(Code::InvalidShape, "[%s] too few elements for k", call.op);
  const size_t k = size_t(asked);
  OCTAVO_TRY(expect_size(call, "values", values, lines.total * k));
  OCTAVO_TRY(expect_size(call, "indices", indices, lines.total * k));
  const bool largest = call.attr_int(2) == 1;
  return by_number(call, x.dtype, [&](auto zero) {
    using T = decltype(zero);
    for_row_chunks(call, lines.total, lines.count * 16, [&](size_t first, size_t last) {
      std::vector<size_t> order(lines.count);
      for (size_t line = first; line < last; line++) {
        const T* from = x.as<T>() + lines.start(line, lines.count);
        const auto less = [](T a, T b) { return is_nan(b) ? !is_nan(a) : a < b; };
        const auto before = [&](size_t i, size_t j) {
          const T a = from[i * lines.stride], b = from[j * lines.stride];
          if (largest ? less(b, a) : less(a, b)) return true;
          return !(largest ? less(a, b) : less(b, a)) && i < j;
        };
        for (size_t i = 0; i < lines.count; i++) order[i] = i;
        std::partial_sort(order.begin(), order.begin() + ptrdiff_t(k), order.end(), before);
        for (size_t i = 0; i < k; i++) {
          const size_t to = lines.start(line, k) + i * lines.stride;
          values.as<T>()[to] = from[order[i] * lines.stride];
          indices.as<int64_t>()[to] = int64_t(order[i]);
        }
      }
    });
  });
}

}  // namespace octavo
