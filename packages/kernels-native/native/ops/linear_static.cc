#include <atomic>

#include "gemm_blocks.h"
#include "ops.h"
#include "static_requantization.h"

namespace octavo {

// x uint8 [..., k], packed [n, k] -> y uint8 [..., n]. attrs: see `read_static_attrs`.
Status linear_static(Call& call) {
  OCTAVO_TRY(expect_operands(call, 2, 2, 1));
  const View& x = call.inputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Uint8));
  OCTAVO_TRY(expect_packed_linear(call, call.inputs[1]));
  OCTAVO_TRY(expect_tensor(call, "y", call.outputs[0], DType::Uint8));
  const PackedWeight& weight = *call.inputs[1].packed;
  if (x.rank < 1 || x.columns() != weight.k) return fail(Code::InvalidShape, "[%s] x does not fit the packed weight", call.op);
  const size_t n = weight.n, k = weight.k;
  const size_t m = k == 0 ? (n == 0 ? 0 : call.outputs[0].size() / n) : x.rows();
  OCTAVO_TRY(expect_size(call, "y", call.outputs[0], m * n));
  StaticAttrs attrs;
  OCTAVO_TRY(read_static_attrs(call, &attrs));
  if (m == 0 || n == 0) return {};
  uint8_t* memory = scratch(0, requantization_bytes(weight));
  if (memory == nullptr) return fail(Code::OutOfMemory, "[%s] no memory for multipliers", call.op);
  const octavo_requantize requantize = requantization(weight, attrs, memory);
  std::atomic<bool> no_memory{false};
  for_gemm_blocks(call, m, n, k, [&](size_t row, size_t rows, size_t column, size_t columns) {
    uint8_t* rows_scratch = scratch(2, call.kernels->gemm_u8s8_scratch(k));
    if (rows_scratch == nullptr && k != 0) {
      no_memory = true;
      return;
    }
    const octavo_gemm_u8s8_codes block = {rows, columns, k, x.data + row * k, k, nullptr, 0, 0,
                                          weight.s8_panel(0, column),
                                          weight.has_zeros ? weight.zeros.as<int32_t>() + column : nullptr,
                                          from_column(requantize, column), call.outputs[0].data + row * n + column, n, rows_scratch,
                                          weight.splits.get(), weight.first_panel(0, column)};
    call.kernels->gemm_u8s8_codes(&block);
  });
  return no_memory ? fail(Code::OutOfMemory, "[%s] no memory for a block of rows", call.op) : Status{};
}

}  // namespace octavo
