#include "layout.h"
#include "quantized.h"

namespace octavo {
namespace {

Status expect_pair(Call& call) {
  OCTAVO_TRY(expect_operands(call, 2, 2, 1));
  OCTAVO_TRY(expect_codes(call, "a", call.inputs[0]));
  OCTAVO_TRY(expect_tensor(call, "b", call.inputs[1], call.inputs[0].dtype));
  return expect_tensor(call, "y", call.outputs[0], call.inputs[0].dtype);
}

// Runs kernel(left, right, y, n) over the rows of NumPy's broadcast; `a` and `b` say the scale and zero point of rows.
template <class Kernel> Status for_rows(Call& call, AttrQParams a, AttrQParams b, Kernel kernel) {
  const View& y = call.outputs[0];
  const int32_t shift = code_type(y).shift;
  const bool fits = for_broadcast_rows(
      call, call.inputs[0], call.inputs[1], y, [&](size_t a_at, size_t a_step, size_t b_at, size_t b_step, size_t y_at, size_t n) {
        const octavo_code_row left = {call.inputs[0].data + a_at, a_step, a.scale, a.zero + shift};
        const octavo_code_row right = {call.inputs[1].data + b_at, b_step, b.scale, b.zero + shift};
        kernel(left, right, y.data + y_at, n);
      });
  return fits ? Status{} : fail(Code::InvalidShape, "[%s] the operands cannot be broadcast to the output", call.op);
}

// attrs: aScale, aZeroPoint, bScale, bZeroPoint, scale, zeroPoint, relu.
Status run_binary(Call& call, bool multiply) {
  OCTAVO_TRY(expect_pair(call));
  const CodeType type = code_type(call.inputs[0]);
  const AttrQParams qa = qparams_attr(call, 0), qb = qparams_attr(call, 2), qy = qparams_attr(call, 4);
  const float inverse = 1.0f / qy.scale;
  const octavo_to_codes to = to_codes(type, multiply ? qa.scale * qb.scale * inverse : inverse, qy.zero,
                                      call.attr_int(6) == 1 ? qy.zero : type.low, type.high);
  const octavo_code_kernels& kernels = *call.kernels->codes;
  return for_rows(call, qa, qb, [&](octavo_code_row a, octavo_code_row b, uint8_t* y, size_t n) {
    if (multiply) kernels.mul(a, b, &to, y, n);
    else kernels.add(a, b, &to, y, n);
  });
}

}  // namespace

Status quantized_add(Call& call) { return run_binary(call, false); }
Status quantized_mul(Call& call) { return run_binary(call, true); }

// attrs: aScale, aZeroPoint, bScale, bZeroPoint, scale, zeroPoint, shift. ONNX Runtime's QLinearAdd.
Status add_linear(Call& call) {
  OCTAVO_TRY(expect_pair(call));
  const AttrQParams qa = qparams_attr(call, 0), qb = qparams_attr(call, 2), qy = qparams_attr(call, 4);
  const int32_t shift = int32_t(call.attr_int(6));
  const float ratio_a = qa.scale / qy.scale, ratio_b = qb.scale / qy.scale;
  const float zeros = fmaf(ratio_a, float(qa.zero - shift), ratio_b * float(qb.zero - shift));
  const float offset = float(qy.zero - shift) - zeros;
  const octavo_to_codes to = to_codes(code_type(call.inputs[0]), 1.0f, shift);
  const octavo_code_kernels& kernels = *call.kernels->codes;
  return for_rows(call, {ratio_a, shift}, {ratio_b, shift}, [&](octavo_code_row a, octavo_code_row b, uint8_t* y, size_t n) {
    kernels.add_linear(a, b, offset, &to, y, n);
  });
}

}  // namespace octavo
