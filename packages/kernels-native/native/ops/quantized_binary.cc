#include "layout.h"
#include "quantized.h"

namespace octavo {
namespace {

// attrs: aScale, aZeroPoint, bScale, bZeroPoint, scale, zeroPoint, relu. NumPy's broadcast.
Status run_binary(Call& call, bool multiply) {
  OCTAVO_TRY(expect_operands(call, 2, 2, 1));
  const View &a = call.inputs[0], &b = call.inputs[1];
  const View& y = call.outputs[0];
  OCTAVO_TRY(expect_codes(call, "a", a));
  OCTAVO_TRY(expect_tensor(call, "b", b, a.dtype));
  OCTAVO_TRY(expect_tensor(call, "y", y, a.dtype));
  const CodeType type = code_type(a);
  const AttrQParams qa = qparams_attr(call, 0), qb = qparams_attr(call, 2), qy = qparams_attr(call, 4);
  const float inverse = 1.0f / qy.scale;
  const octavo_to_codes to = to_codes(type, multiply ? qa.scale * qb.scale * inverse : inverse, qy.zero,
                                      call.attr_int(6) == 1 ? qy.zero : type.low, type.high);
  const octavo_code_kernels& kernels = *call.kernels->codes;
  const bool fits = for_broadcast_rows(call, a, b, y, [&](size_t a_at, size_t a_step, size_t b_at, size_t b_step, size_t y_at, size_t n) {
    const octavo_code_row left = {a.data + a_at, a_step, qa.scale, qa.zero + type.shift};
    const octavo_code_row right = {b.data + b_at, b_step, qb.scale, qb.zero + type.shift};
    (multiply ? kernels.mul : kernels.add)(left, right, &to, y.data + y_at, n);
  });
  return fits ? Status{} : fail(Code::InvalidShape, "[%s] the operands cannot be broadcast to the output", call.op);
}

}  // namespace

Status quantized_add(Call& call) { return run_binary(call, false); }
Status quantized_mul(Call& call) { return run_binary(call, true); }

}  // namespace octavo
