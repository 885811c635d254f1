#include <math.h>
#include <string.h>

#include "logarithm.h"
#include "ops.h"
#include "reduce.h"

namespace octavo {

// log(softmax(x)) along attrs[0]: (x - max) - log(lane sum of exp(x - max)).
Status log_softmax(Call& call) {
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
  std::atomic<bool> no_memory{false};
  for_row_chunks(call, x.size() / n, n * 16, [&](size_t first, size_t last) {
    float* row = reinterpret_cast<float*>(scratch(0, 2 * n * sizeof(float)));
    if (row == nullptr) {
      no_memory = true;
      return;
    }
    float* exps = row + n;
    for (size_t r = first; r < last; r++) {
      const size_t start = r / step * n * step + r % step;
      float max = -INFINITY;
      for (size_t i = 0; i < n; i++) {
        row[i] = x.floats()[start + i * step];
        max = row[i] > max ? row[i] : max;
      }
      call.kernels->binary(OCTAVO_BINARY_SUB, row, 1, &max, 0, row, n);
      call.kernels->unary(OCTAVO_UNARY_EXP, row, exps, n);
      Lanes lanes;
      lanes.add(exps, n);
      const float log_sum = natural_log(lanes.fold());
      call.kernels->binary(OCTAVO_BINARY_SUB, row, 1, &log_sum, 0, row, n);
      for (size_t i = 0; i < n; i++) y[start + i * step] = row[i];
    }
  });
  return no_memory ? fail(Code::OutOfMemory, "[%s] no memory for a row", call.op) : Status{};
}

}  // namespace octavo
