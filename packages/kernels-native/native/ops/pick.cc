// Ops that pick elements by condition, index or repetition: any dtype.
#include "layout.h"
#include "ops.h"
#include "strided.h"

namespace octavo {
namespace {

// Calls run(type) with an integer as wide as the elements, which are copied and not looked at.
template <class Run> void by_width(DType dtype, Run run) {
  switch (dtype_bytes(dtype)) {
    case 1: return run(uint8_t());
    case 2: return run(uint16_t());
    case 4: return run(uint32_t());
    default: return run(uint64_t());
  }
}

// int64 or int32 indices, negative ones from the end.
struct Indices {
  const View& view;
  int64_t size;
  int64_t at(size_t i) const {
    const int64_t index = view.dtype == DType::Int64 ? view.as<int64_t>()[i] : int64_t(view.as<int32_t>()[i]);
    return index < 0 ? index + size : index;
  }
  Status check(const Call& call) const {
    if (view.dtype != DType::Int64) OCTAVO_TRY(expect_tensor(call, "the indices", view, DType::Int32));
    else OCTAVO_TRY(expect_tensor(call, "the indices", view, DType::Int64));
    for (size_t i = 0; i < view.size(); i++) {
      if (at(i) >= 0 && at(i) < size) continue;
      const int64_t index = at(i) < 0 ? at(i) - size : at(i);
      return fail(Code::InvalidData, "[%s] index %lld is outside a dim of %lld", call.op, (long long)index, (long long)size);
    }
    return {};
  }
};

}  // namespace

// condition bool, a and b of one dtype, broadcast together.
Status where(Call& call) {
  OCTAVO_TRY(expect_operands(call, 3, 3, 1));
  const View &condition = call.inputs[0], &a = call.inputs[1], &b = call.inputs[2], &y = call.outputs[0];
  OCTAVO_TRY(expect_tensor(call, "condition", condition, DType::Bool));
  OCTAVO_TRY(expect_tensor(call, "a", a, a.dtype));
  OCTAVO_TRY(expect_tensor(call, "b", b, a.dtype));
  OCTAVO_TRY(expect_tensor(call, "y", y, a.dtype));
  size_t steps[3][kMaxRank];
  if (!broadcast_steps(condition, y, steps[0]) || !broadcast_steps(a, y, steps[1]) || !broadcast_steps(b, y, steps[2])) {
    return fail(Code::InvalidShape, "[%s] the operands cannot be broadcast to y", call.op);
  }
  if (y.size() == 0) return {};
  const size_t row = y.columns(), last = y.rank == 0 ? 0 : size_t(y.rank - 1);
  const size_t own[3] = {y.rank == 0 ? 0 : steps[0][last], y.rank == 0 ? 0 : steps[1][last], y.rank == 0 ? 0 : steps[2][last]};
  by_width(a.dtype, [&](auto element) {
    using T = decltype(element);
    for_row_chunks(call, y.size() / row, row, [&](size_t first, size_t end) {
      for (size_t r = first; r < end; r++) {
        size_t rest = r, at[3] = {0, 0, 0};
        for (int i = y.rank - 2; i >= 0; i--) {
          for (int k = 0; k < 3; k++) at[k] += rest % y.dim(i) * steps[k][i];
          rest /= y.dim(i);
        }
        const uint8_t* test = condition.data + at[0];
        const T *yes = a.as<T>() + at[1], *no = b.as<T>() + at[2];
        T* to = y.as<T>() + r * row;
        for (size_t i = 0; i < row; i++) to[i] = test[i * own[0]] != 0 ? yes[i * own[1]] : no[i * own[2]];
      }
    });
  });
  return {};
}

// Slices of x along attrs[0] by index: x.dims with that dimension replaced by the dims of the indices.
Status take(Call& call) {
  OCTAVO_TRY(expect_operands(call, 2, 2, 1));
  const View &x = call.inputs[0], &indices = call.inputs[1], &y = call.outputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, x.dtype));
  OCTAVO_TRY(expect_tensor(call, "y", y, x.dtype));
  int axis = 0;
  OCTAVO_TRY(axis_of(call, x, call.attr_int(0), &axis));
  const Indices picks = {indices, x.dims[axis]};
  OCTAVO_TRY(picks.check(call));
  size_t outer = 1, run = 1;
  for (int i = 0; i < axis; i++) outer *= x.dim(i);
  for (int i = axis + 1; i < x.rank; i++) run *= x.dim(i);
  const size_t count = indices.size();
  OCTAVO_TRY(expect_size(call, "y", y, outer * count * run));
  if (y.size() == 0) return {};
  const size_t bytes = run * dtype_bytes(x.dtype);
  for_row_chunks(call, outer * count, run, [&](size_t first, size_t last) {
    for (size_t r = first; r < last; r++) {
      const size_t from = r / count * x.dim(axis) + size_t(picks.at(r % count));
      memcpy(y.data + r * bytes, x.data + from * bytes, bytes);
    }
  });
  return {};
}

// y[i][j] = x[index[i][j]][j] for attrs[0] = 0, and so on.
Status gather_elements(Call& call) {
  OCTAVO_TRY(expect_operands(call, 2, 2, 1));
  const View &x = call.inputs[0], &index = call.inputs[1], &y = call.outputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, x.dtype));
  OCTAVO_TRY(expect_tensor(call, "y", y, x.dtype));
  OCTAVO_TRY(expect_same_dims(call, "y", y, index));
  if (x.rank == 0 || x.rank != index.rank) return fail(Code::InvalidShape, "[%s] x and the index must have the same rank", call.op);
  int axis = 0;
  OCTAVO_TRY(axis_of(call, x, call.attr_int(0), &axis));
  const Indices picks = {index, x.dims[axis]};
  OCTAVO_TRY(picks.check(call));
  for (int i = 0; i < x.rank; i++) {
    if (i != axis && index.dim(i) > x.dim(i)) return fail(Code::InvalidShape, "[%s] the index is larger than x", call.op);
  }
  ptrdiff_t steps[kMaxRank];
  dense_steps(x, steps);
  by_width(x.dtype, [&](auto element) {
    using T = decltype(element);
    for_row_chunks(call, y.size(), 8, [&](size_t first, size_t last) {
      for (size_t at = first; at < last; at++) {
        size_t rest = at, from = 0;
        for (int i = y.rank - 1; i >= 0; i--) {
          from += (i == axis ? size_t(picks.at(at)) : rest % y.dim(i)) * size_t(steps[i]);
          rest /= y.dim(i);
        }
        y.as<T>()[at] = x.as<T>()[from];
      }
    });
  });
  return {};
}

// x broadcast to y's dims; the attribute only says which they are.
Status expand(Call& call) {
  OCTAVO_TRY(expect_copy(call));
  const View &x = call.inputs[0], &y = call.outputs[0];
  size_t repeated[kMaxRank];
  if (!broadcast_steps(x, y, repeated)) return fail(Code::InvalidShape, "[%s] x cannot be broadcast to y", call.op);
  ptrdiff_t steps[kMaxRank];
  for (int i = 0; i < y.rank; i++) steps[i] = ptrdiff_t(repeated[i]);
  copy_strided(call, x.data, steps, y);
  return {};
}

// attrs: count, then how many times each dimension is repeated. Innermost first, each block of y is made of copies of what
// lies at its begin.
Status repeat(Call& call) {
  OCTAVO_TRY(expect_copy(call));
  const View &x = call.inputs[0], &y = call.outputs[0];
  if (call.attr_count != size_t(x.rank) + 1 || y.rank != x.rank) return fail(Code::InvalidShape, "[%s] a repeat for each dimension", call.op);
  for (int i = 0; i < x.rank; i++) {
    if (call.attr_int(size_t(i) + 1) < 0 || y.dims[i] != x.dims[i] * call.attr_int(size_t(i) + 1)) {
      return fail(Code::InvalidShape, "[%s] y does not fit the repeats", call.op);
    }
  }
  if (y.size() == 0) return {};
  const size_t bytes = dtype_bytes(x.dtype), row = x.columns();
  ptrdiff_t steps[kMaxRank];
  dense_steps(x, steps);
  for_row_chunks(call, y.size() / y.columns(), y.columns(), [&](size_t first, size_t last) {
    for (size_t r = first; r < last; r++) {
      size_t rest = r, from = 0;
      for (int i = y.rank - 2; i >= 0; i--) {
        from += rest % y.dim(i) % x.dim(i) * size_t(steps[i]);
        rest /= y.dim(i);
      }
      uint8_t* to = y.data + r * y.columns() * bytes;
      for (size_t at = 0; at < y.columns(); at += row) memcpy(to + at * bytes, x.data + from * bytes, row * bytes);
    }
  });
  return {};
}

// attrs: count, then dimensions whose order is reversed.
Status flip(Call& call) {
  OCTAVO_TRY(expect_copy(call));
  const View &x = call.inputs[0], &y = call.outputs[0];
  OCTAVO_TRY(expect_same_dims(call, "y", y, x));
  if (x.size() == 0) return {};
  ptrdiff_t steps[kMaxRank], offset = 0;
  dense_steps(x, steps);
  bool turned[kMaxRank] = {};
  for (size_t i = 1; i < call.attr_count && x.rank != 0; i++) {
    int axis = 0;
    OCTAVO_TRY(axis_of(call, x, call.attr_int(i), &axis));
    if (turned[axis]) continue;
    turned[axis] = true;
    offset += ptrdiff_t(x.dim(axis) - 1) * steps[axis];
    steps[axis] = -steps[axis];
  }
  copy_strided(call, x.data + offset * ptrdiff_t(dtype_bytes(x.dtype)), steps, y);
  return {};
}

namespace {

// x and like -> y of x's dtype; the axes of x and like that attrs 0 and 1 name.
Status expect_like(const Call& call, int* axis, int* like_axis) {
  OCTAVO_TRY(expect_operands(call, 2, 2, 1));
  const View &x = call.inputs[0], &like = call.inputs[1];
  OCTAVO_TRY(expect_tensor(call, "x", x, x.dtype));
  OCTAVO_TRY(expect_tensor(call, "y", call.outputs[0], x.dtype));
  OCTAVO_TRY(axis_of(call, x, call.attr_int(0), axis));
  return axis_of(call, like, call.attr_int(1), like_axis);
}

}  // namespace

// x[:n] along attrs[0], where n is the size of `like` along attrs[1], or all of x where that is larger.
Status slice_like(Call& call) {
  int axis = 0, like_axis = 0;
  OCTAVO_TRY(expect_like(call, &axis, &like_axis));
  const View &x = call.inputs[0], &like = call.inputs[1], &y = call.outputs[0];
  bool fits = y.rank == x.rank;
  for (int i = 0; fits && i < x.rank; i++) {
    fits = y.dims[i] == (i == axis && like.dims[like_axis] < x.dims[i] ? like.dims[like_axis] : x.dims[i]);
  }
  if (!fits) return fail(Code::InvalidShape, "[%s] the output does not fit", call.op);
  ptrdiff_t steps[kMaxRank];
  dense_steps(x, steps);
  copy_strided(call, x.data, steps, y);
  return {};
}

// x, whose dimension attrs[0] is 1, repeated there as often as `like` is long along attrs[1].
Status expand_like(Call& call) {
  int axis = 0, like_axis = 0;
  OCTAVO_TRY(expect_like(call, &axis, &like_axis));
  const View &x = call.inputs[0], &like = call.inputs[1], &y = call.outputs[0];
  bool fits = y.rank == x.rank && x.dims[axis] == 1;
  for (int i = 0; fits && i < x.rank; i++) fits = y.dims[i] == (i == axis ? like.dims[like_axis] : x.dims[i]);
  if (!fits) return fail(Code::InvalidShape, "[%s] the output does not fit", call.op);
  ptrdiff_t steps[kMaxRank];
  dense_steps(x, steps);
  steps[axis] = 0;
  copy_strided(call, x.data, steps, y);
  return {};
}

// The dimensions of x.
Status shape_as_tensor(Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 1));
  const View &x = call.inputs[0], &y = call.outputs[0];
  OCTAVO_TRY(expect_tensor(call, "y", y, DType::Int64));
  OCTAVO_TRY(expect_dims(call, "y", y, {size_t(x.rank)}));
  for (int i = 0; i < x.rank; i++) y.as<int64_t>()[i] = x.dims[i];
  return {};
}

// attrs: padding ([begin..., end...] of all dimensions), mode: which element of x stands at a place before or behind it,
// mirrored without the edge, the edge, or from the other end.
Status pad_from(Call& call) {
  OCTAVO_TRY(expect_copy(call));
  const View &x = call.inputs[0], &y = call.outputs[0];
  const size_t rank = size_t(x.rank);
  if (y.rank != x.rank || call.attr_count != 2 * rank + 2 || call.attr_int(0) != int64_t(2 * rank)) {
    return fail(Code::InvalidShape, "[%s] pads for each dimension", call.op);
  }
  const int64_t mode = call.attr_int(2 * rank + 1);
  if (mode < 0 || mode > 2) return fail(Code::InvalidArgument, "[%s] no such mode", call.op);
  for (size_t i = 0; i < rank; i++) {
    if (y.dims[i] != x.dims[i] + call.attr_int(1 + i) + call.attr_int(1 + rank + i) || (x.dims[i] == 0 && y.dims[i] != 0)) {
      return fail(Code::InvalidShape, "[%s] y does not fit the pads", call.op);
    }
  }
  const auto source = [mode](int64_t at, int64_t size) {
    if (mode == 1) return at < 0 ? int64_t(0) : at < size ? at : size - 1;
    const int64_t period = mode == 2 ? size : size == 1 ? 1 : 2 * (size - 1), folded = (at % period + period) % period;
    return folded < size ? folded : period - folded;
  };
  ptrdiff_t steps[kMaxRank];
  dense_steps(x, steps);
  const size_t row = y.columns();
  by_width(x.dtype, [&](auto element) {
    using T = decltype(element);
    for_row_chunks(call, y.size() / row, row * 4, [&](size_t first, size_t last) {
      for (size_t r = first; r < last; r++) {
        size_t rest = r;
        ptrdiff_t from = 0;
        for (int i = x.rank - 2; i >= 0; i--) {
          from += ptrdiff_t(source(int64_t(rest % y.dim(i)) - call.attr_int(1 + size_t(i)), x.dims[i])) * steps[i];
          rest /= y.dim(i);
        }
        const T* line = x.as<T>() + from;
        T* to = y.as<T>() + r * row;
        if (rank == 0) *to = *line;
        for (size_t j = 0; rank != 0 && j < row; j++) to[j] = line[source(int64_t(j) - call.attr_int(rank), x.dims[rank - 1])];
      }
    });
  });
  return {};
}

// attrs: diagonal, upper: zeros stand below that diagonal of each matrix, or above it.
Status tri(Call& call) {
  OCTAVO_TRY(expect_copy(call));
  const View &x = call.inputs[0], &y = call.outputs[0];
  OCTAVO_TRY(expect_same_dims(call, "y", y, x));
  if (x.rank < 2) return fail(Code::InvalidShape, "[%s] x must be [..., rows, columns]", call.op);
  const int64_t columns = int64_t(x.columns()), diagonal = call.attr_int(0);
  const bool upper = call.attr_int(1) == 1;
  const size_t bytes = dtype_bytes(x.dtype), row = size_t(columns) * bytes;
  for_row_chunks(call, x.rows(), x.columns(), [&](size_t first, size_t last) {
    for (size_t r = first; r < last; r++) {
      const int64_t on = int64_t(r % x.dim(-2)) + diagonal, cut = upper ? on : on + 1;
      const size_t split = size_t(cut < 0 ? 0 : cut > columns ? columns : cut) * bytes;
      const uint8_t* from = x.data + r * row;
      uint8_t* to = y.data + r * row;
      if (upper) memset(to, 0, split), memcpy(to + split, from + split, row - split);
      else memcpy(to, from, split), memset(to + split, 0, row - split);
    }
  });
  return {};
}

}  // namespace octavo
