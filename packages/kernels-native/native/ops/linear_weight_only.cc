#include "gemm_blocks.h"
#include "ops.h"

namespace octavo {

// x [..., k] float32, codes uint8 [n, k * bits / 8], scales float32 and zeroPoints uint8 [n, groups], bias [n] or absent;
// or the first of the three as a packed weight that holds them all. attrs: bits, groupSize, activation.
Status linear_weight_only(Call& call) {
  OCTAVO_TRY(expect_operands(call, 4, 5, 1));
  const View &x = call.inputs[0], &codes = call.inputs[1], &scales = call.inputs[2], &zeros = call.inputs[3];
  const View* bias = call.optional(4);
  const View& y = call.outputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "y", y, DType::Float32));
  const int64_t bits = call.attr_int(0), group_size = call.attr_int(1);
  if ((bits != 8 && bits != 4) || group_size < 1) return fail(Code::InvalidArgument, "[%s] bits must be 8 or 4, groupSize positive", call.op);
  std::shared_ptr<PackedWeight> packed = codes.packed;
  if (!packed) {
    OCTAVO_TRY(expect_tensor(call, "codes", codes, DType::Uint8));
    OCTAVO_TRY(expect_tensor(call, "scales", scales, DType::Float32));
    OCTAVO_TRY(expect_tensor(call, "zeroPoints", zeros, DType::Uint8));
    if (codes.rank != 2) return fail(Code::InvalidShape, "[%s] codes must have two dimensions", call.op);
    const GroupedWeight weight = {codes.data, scales.floats(), zeros.data, codes.dim(0), codes.dim(1) * size_t(8 / bits), size_t(bits),
                                  size_t(group_size)};
    OCTAVO_TRY(expect_dims(call, "scales", scales, {weight.n, weight.groups()}));
    OCTAVO_TRY(expect_dims(call, "zeroPoints", zeros, {weight.n, weight.groups()}));
    OCTAVO_TRY(pack_grouped(weight, &packed));
  }
  if (packed->kind != PackedWeight::kGrouped || packed->bits != size_t(bits) || packed->group_size != size_t(group_size)) {
    return fail(Code::InvalidArgument, "[%s] the packed weight is of another op or form", call.op);
  }
  const size_t n = packed->n, k = packed->k;
  if (x.rank < 1 || x.dim(-1) != k) return fail(Code::InvalidShape, "[%s] x does not fit the weight", call.op);
  const size_t m = k == 0 ? (n == 0 ? 0 : y.size() / n) : x.size() / k;
  OCTAVO_TRY(expect_size(call, "y", y, m * n));
  if (bias) {
    OCTAVO_TRY(expect_tensor(call, "bias", *bias, DType::Float32));
    OCTAVO_TRY(expect_size(call, "bias", *bias, n));
  }
  const auto activation = static_cast<octavo_activation>(call.attr_int(2));
  for_gemm_blocks(call, m, n, k, [&](size_t row, size_t rows, size_t column, size_t columns) {
    const size_t panel = column / OCTAVO_PANEL, first = panel * packed->k_groups * OCTAVO_PANEL;
    const octavo_gemm_f32_codes block = {rows, columns, k, x.floats() + row * k, k, packed->bits,
                                         packed->panels.data() + panel * packed->panel_stride, packed->group_size, packed->k_groups,
                                         packed->scales.as<float>() + first, packed->zeros.data() + first, packed->prescalable,
                                         bias ? bias->floats() + column : nullptr, y.floats() + row * n + column, n, activation};
    call.kernels->gemm_f32_codes(&block);
  });
  return {};
}

}  // namespace octavo
