#include <string.h>

#include "ops.h"
#include "strided.h"

namespace octavo {
// reshape and unsqueeze: the same elements. A program gives both sides the same memory; an eager call copies.
Status copy_alias(Call& call) {
  OCTAVO_TRY(expect_copy(call));
  OCTAVO_TRY(expect_size(call, "y", call.outputs[0], call.inputs[0].size()));
  if (call.outputs[0].data != call.inputs[0].data) memcpy(call.outputs[0].data, call.inputs[0].data, call.outputs[0].bytes());
  return {};
}

// Elements as they are, under other dimensions, which whoever made the output has read from the second operand.
Status reshape_like(Call& call) {
  OCTAVO_TRY(expect_operands(call, 2, 2, 1));
  const View &x = call.inputs[0], &y = call.outputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, x.dtype));
  OCTAVO_TRY(expect_tensor(call, "y", y, x.dtype));
  OCTAVO_TRY(expect_size(call, "y", y, x.size()));
  memcpy(y.data, x.data, y.bytes());
  return {};
}

// attrs: count, then the input dimension of each output dimension.
Status permute(Call& call) {
  OCTAVO_TRY(expect_copy(call));
  const View &x = call.inputs[0], &y = call.outputs[0];
  if (call.attr_count != size_t(x.rank) + 1 || y.rank != x.rank) return fail(Code::InvalidShape, "[%s] the permutation does not fit", call.op);
  ptrdiff_t from[kMaxRank], steps[kMaxRank];
  dense_steps(x, from);
  unsigned seen = 0;
  for (int i = 0; i < x.rank; i++) {
    int axis = 0;
    OCTAVO_TRY(axis_of(call, x, call.attr_int(size_t(i) + 1), &axis));
    if (y.dim(i) != x.dim(axis)) return fail(Code::InvalidShape, "[%s] the output does not fit the permutation", call.op);
    seen |= 1u << axis;
    steps[i] = from[axis];
  }
  if (seen != (1u << x.rank) - 1) return fail(Code::InvalidShape, "[%s] a dimension is named twice", call.op);
  copy_strided(call, x.data, steps, y);
  return {};
}

// attrs: dim, index. The output has one dimension less.
Status select(Call& call) {
  OCTAVO_TRY(expect_copy(call));
  const View &x = call.inputs[0], &y = call.outputs[0];
  int axis = 0;
  OCTAVO_TRY(axis_of(call, x, call.attr_int(0), &axis));
  const int64_t asked = call.attr_int(1), index = asked < 0 ? asked + x.dims[axis] : asked;
  if (index < 0 || index >= x.dims[axis] || y.rank != x.rank - 1) return fail(Code::InvalidShape, "[%s] the index is out of range", call.op);
  ptrdiff_t from[kMaxRank], steps[kMaxRank];
  dense_steps(x, from);
  for (int i = 0; i < y.rank; i++) {
    const int own = i < axis ? i : i + 1;
    if (y.dim(i) != x.dim(own)) return fail(Code::InvalidShape, "[%s] the output does not fit", call.op);
    steps[i] = from[own];
  }
  copy_strided(call, x.data + size_t(index) * size_t(from[axis]) * dtype_bytes(x.dtype), steps, y);
  return {};
}

// attrs: dim, start, end, step, with PyTorch's clamping of start and end.
Status slice(Call& call) {
  OCTAVO_TRY(expect_copy(call));
  const View &x = call.inputs[0], &y = call.outputs[0];
  int axis = 0;
  OCTAVO_TRY(axis_of(call, x, call.attr_int(0), &axis));
  const int64_t size = x.dims[axis], step = call.attr_int(3);
  if (step < 1 || y.rank != x.rank) return fail(Code::InvalidShape, "[%s] the step must be 1 or more", call.op);
  const auto bound = [size](int64_t at) { return at < 0 ? (at + size < 0 ? 0 : at + size) : at > size ? size : at; };
  const int64_t start = bound(call.attr_int(1)), end = bound(call.attr_int(2));
  const int64_t count = end > start ? (end - start + step - 1) / step : 0;
  ptrdiff_t steps[kMaxRank];
  dense_steps(x, steps);
  for (int i = 0; i < y.rank; i++) {
    if (y.dims[i] != (i == axis ? count : x.dims[i])) return fail(Code::InvalidShape, "[%s] the output does not fit", call.op);
  }
  const size_t offset = size_t(start) * size_t(steps[axis]);
  steps[axis] *= ptrdiff_t(step);
  if (y.size() != 0) copy_strided(call, x.data + offset * dtype_bytes(x.dtype), steps, y);
  return {};
}

// attrs: dim. int64 0 .. size of that dimension - 1.
Status arange_like(Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 1));
  int axis = 0;
  OCTAVO_TRY(axis_of(call, call.inputs[0], call.attr_int(0), &axis));
  OCTAVO_TRY(expect_tensor(call, "y", call.outputs[0], DType::Int64));
  OCTAVO_TRY(expect_dims(call, "y", call.outputs[0], {call.inputs[0].dim(axis)}));
  for (size_t i = 0; i < call.outputs[0].size(); i++) call.outputs[0].as<int64_t>()[i] = int64_t(i);
  return {};
}

// attrs: dim. Any number of tensors of one dtype.
Status cat(Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, SIZE_MAX, 1));
  const View& y = call.outputs[0];
  int axis = 0;
  OCTAVO_TRY(axis_of(call, y, call.attr_int(0), &axis));
  // Channels-last tensors are joined along their channels, which lie innermost.
  if (y.channels_last && axis != 1) return fail(Code::InvalidArgument, "[%s] channels-last tensors are joined along dimension 1", call.op);
  size_t total = 0, inner = dtype_bytes(y.dtype), outer = 1;
  for (int i = axis + 1; i < y.rank; i++) (y.channels_last ? outer : inner) *= y.dim(i);
  for (int i = 0; i < axis; i++) outer *= y.dim(i);
  for (size_t t = 0; t < call.input_count; t++) {
    const View& x = call.inputs[t];
    OCTAVO_TRY(expect_tensor(call, "an input", x, y.dtype));
    if (x.rank != y.rank) return fail(Code::InvalidShape, "[%s] the ranks differ", call.op);
    if (x.channels_last != y.channels_last) return fail(Code::InvalidArgument, "[%s] the orders of memory differ", call.op);
    for (int i = 0; i < y.rank; i++) {
      if (i != axis && x.dim(i) != y.dim(i)) return fail(Code::InvalidShape, "[%s] the other dimensions differ", call.op);
    }
    total += x.dim(axis);
  }
  if (total != y.dim(axis)) return fail(Code::InvalidShape, "[%s] the output does not fit", call.op);
  size_t at = 0;
  for (size_t t = 0; t < call.input_count; t++) {
    const size_t bytes = call.inputs[t].dim(axis) * inner;
    for (size_t o = 0; bytes != 0 && o < outer; o++) memcpy(y.data + o * total * inner + at, call.inputs[t].data + o * bytes, bytes);
    at += bytes;
  }
  return {};
}

}  // namespace octavo
