#include <math.h>
#include <string.h>

#include "ops.h"
#include "reduce.h"

namespace octavo {

// x [..., n], weight and bias [n] or absent. attrs: how many last dimensions are normalised, eps.
Status layer_norm(Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, 3, 1));
  const View& x = call.inputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "y", call.outputs[0], DType::Float32));
  OCTAVO_TRY(expect_size(call, "y", call.outputs[0], x.size()));
  const int64_t axes = call.attr_int(0);
  if (axes < 1 || axes > x.rank) return fail(Code::InvalidShape, "[%s] cannot normalise %d dimensions of rank %d", call.op, int(axes), x.rank);
  size_t n = 1;
  for (int i = 0; i < axes; i++) n *= x.dim(-1 - i);
  const float* parameters[2] = {nullptr, nullptr};
  for (size_t i = 0; i < 2; i++) {
    const View* view = call.optional(i + 1);
    if (view == nullptr) continue;
    OCTAVO_TRY(expect_tensor(call, i == 0 ? "weight" : "bias", *view, DType::Float32));
    OCTAVO_TRY(expect_size(call, i == 0 ? "weight" : "bias", *view, n));
    parameters[i] = view->floats();
  }
  if (x.size() == 0) return {};
  const float eps = call.attr_float(1);
  for_row_chunks(call, x.size() / n, n * 4, [&](size_t from, size_t to) {
    for (size_t r = from; r < to; r++) {
      call.kernels->layer_norm(x.floats() + r * n, n, parameters[0], parameters[1], eps, call.outputs[0].floats() + r * n);
    }
  });
  return {};
}

// x [..., n], weight [n] or absent: x / sqrt(mean(x^2) + eps) * weight. attrs: how many last dimensions are normalised, eps.
Status rms_norm(Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, 2, 1));
  const View &x = call.inputs[0], &y = call.outputs[0];
  const View* weight = call.optional(1);
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "y", y, DType::Float32));
  OCTAVO_TRY(expect_size(call, "y", y, x.size()));
  const int64_t axes = call.attr_int(0);
  if (axes < 1 || axes > x.rank) return fail(Code::InvalidShape, "[%s] cannot normalise %d dimensions of rank %d", call.op, int(axes), x.rank);
  size_t n = 1;
  for (int i = 0; i < axes; i++) n *= x.dim(-1 - i);
  if (weight) {
    OCTAVO_TRY(expect_tensor(call, "weight", *weight, DType::Float32));
    OCTAVO_TRY(expect_size(call, "weight", *weight, n));
  }
  if (x.size() == 0) return {};
  const float eps = call.attr_float(1);
  for_row_chunks(call, x.size() / n, n * 4, [&](size_t first, size_t last) {
    for (size_t r = first; r < last; r++) {
      const float* from = x.floats() + r * n;
      float* to = y.floats() + r * n;
      Lanes squares;
      float block[256];
      for (size_t i = 0; i < n; i += 256) {
        const size_t count = n - i < 256 ? n - i : 256;
        call.kernels->binary(OCTAVO_BINARY_MUL, from + i, 1, from + i, 1, block, count);
        squares.add(block, count);
      }
      const float inverse = 1.0f / sqrtf(squares.fold() / float(n) + eps);
      call.kernels->binary(OCTAVO_BINARY_MUL, from, 1, &inverse, 0, to, n);
      if (weight) call.kernels->binary(OCTAVO_BINARY_MUL, to, 1, weight->floats(), 1, to, n);
    }
  });
  return {};
}

// Softmax along attrs[0]; rows that are not contiguous are gathered into scratch.
Status softmax(Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 1));
  const View& x = call.inputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "y", call.outputs[0], DType::Float32));
  OCTAVO_TRY(expect_same_dims(call, "y", call.outputs[0], x));
  int64_t axis = call.attr_int(0);
  if (axis < 0) axis += x.rank;
  if (axis < 0 || (axis >= x.rank && x.rank != 0)) return fail(Code::InvalidShape, "[%s] no such dimension", call.op);
  if (x.size() == 0) return {};
  const size_t n = x.rank == 0 ? 1 : x.dim(int(axis));
  size_t step = 1;
  for (int i = int(axis) + 1; i < x.rank; i++) step *= x.dim(i);
  float* y = call.outputs[0].floats();
  if (step == 1) {
    for_row_chunks(call, x.size() / n, n * 16, [&](size_t from, size_t to) {
      memcpy(y + from * n, x.floats() + from * n, (to - from) * n * sizeof(float));
      for (size_t r = from; r < to; r++) call.kernels->softmax_plain(y + r * n, n);
    });
    return {};
  }
  float* row = reinterpret_cast<float*>(scratch(0, n * sizeof(float)));
  if (row == nullptr) return fail(Code::OutOfMemory, "[%s] no memory for a row", call.op);
  for (size_t r = 0; r < x.size() / n; r++) {
    const size_t start = r / step * n * step + r % step;
    for (size_t i = 0; i < n; i++) row[i] = x.floats()[start + i * step];
    call.kernels->softmax_plain(row, n);
    for (size_t i = 0; i < n; i++) y[start + i * step] = row[i];
  }
  return {};
}

}  // namespace octavo
