#include "gemm_blocks.h"
#include "ops.h"

namespace octavo {

// x [..., k] float32, weight [n, k] float32 (packed when it is a program's constant), bias [n] or absent.
Status linear(Call& call) {
  OCTAVO_TRY(expect_operands(call, 2, 3, 1));
  const View& x = call.inputs[0];
  const View& weight = call.inputs[1];
  const View* bias = call.optional(2);
  View& y = call.outputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "y", y, DType::Float32));
  if (!weight.packed) OCTAVO_TRY(expect_tensor(call, "weight", weight, DType::Float32));
  if (weight.rank != 2 || x.rank < 1 || x.dim(-1) != weight.dim(1)) {
    return fail(Code::InvalidShape, "[%s] x and weight do not share their last dimension", call.op);
  }
  const size_t n = weight.dim(0), k = weight.dim(1);
  const size_t m = k == 0 ? (n == 0 ? 0 : y.size() / n) : x.size() / k;
  OCTAVO_TRY(expect_size(call, "y", y, m * n));
  if (bias) {
    OCTAVO_TRY(expect_tensor(call, "bias", *bias, DType::Float32));
    OCTAVO_TRY(expect_size(call, "bias", *bias, n));
  }
  const float* panels;
  if (weight.packed) {
    if (weight.packed->kind != PackedWeight::kFloat || weight.packed->gates != 1 || weight.packed->n != n || weight.packed->k != k) {
      return fail(Code::InvalidArgument, "[%s] the packed weight is of another op or shape", call.op);
    }
    panels = weight.packed->panels.as<float>();
  } else {
    float* packed = reinterpret_cast<float*>(scratch(0, f32_panel_floats(n, k) * sizeof(float)));
    if (packed == nullptr && k != 0) return fail(Code::OutOfMemory, "[%s] no memory to pack the weight", call.op);
    pack_f32(weight.floats(), {1, k}, n, k, packed);
    panels = packed;
  }
  const auto activation = static_cast<octavo_activation>(call.attr_int(0));
  for_gemm_blocks(call, m, n, k, [&](size_t row, size_t rows, size_t column, size_t columns) {
    const octavo_gemm_f32 block = {rows, columns, k, x.floats() + row * k, k, panels + column * k,
                                   y.floats() + row * n + column, n, bias ? bias->floats() + column : nullptr, activation};
    call.kernels->gemm_f32(&block);
  });
  return {};
}

}  // namespace octavo
