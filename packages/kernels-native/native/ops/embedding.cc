#include <string.h>

#include "ops.h"

namespace octavo {

// weight [rows, d] of any dtype, ids int64 or int32 -> [..., d]. An id outside the table is an error before any copy.
Status embedding(Call& call) {
  OCTAVO_TRY(expect_operands(call, 2, 2, 1));
  const View &weight = call.inputs[0], &ids = call.inputs[1];
  OCTAVO_TRY(expect_tensor(call, "weight", weight, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "y", call.outputs[0], DType::Float32));
  if (ids.dtype != DType::Int64) OCTAVO_TRY(expect_tensor(call, "ids", ids, DType::Int32));
  if (weight.rank != 2) return fail(Code::InvalidShape, "[%s] the table must have two dimensions", call.op);
  const size_t count = ids.size(), d = weight.dim(1);
  OCTAVO_TRY(expect_size(call, "y", call.outputs[0], count * d));
  const auto id_at = [&ids](size_t i) { return ids.dtype == DType::Int64 ? ids.as<int64_t>()[i] : int64_t(ids.as<int32_t>()[i]); };
  for (size_t i = 0; i < count; i++) {
    const int64_t id = id_at(i);
    if (id < 0 || id >= weight.dims[0]) {
      return fail(Code::InvalidData, "[%s] id %lld at position %zu is outside the table's rows 0 to %lld", call.op, (long long)id, i,
                  (long long)weight.dims[0] - 1);
    }
  }
  for_row_chunks(call, count, d, [&](size_t from, size_t to) {
    for (size_t i = from; i < to; i++) memcpy(call.outputs[0].floats() + i * d, weight.floats() + size_t(id_at(i)) * d, d * sizeof(float));
  });
  return {};
}

}  // namespace octavo
