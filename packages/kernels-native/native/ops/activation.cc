#include <float.h>
#include <math.h>

#include "ops.h"

namespace octavo {

// y = fn(x) with the op's attributes as parameters.
template <octavo_activation_function Fn> Status activation(Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 1));
  const View &x = call.inputs[0], &y = call.outputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "y", y, DType::Float32));
  OCTAVO_TRY(expect_same_dims(call, "y", y, x));
  float parameters[2] = {call.attr_float(0), call.attr_float(1)};
  if (Fn == OCTAVO_ACTIVATION_CLAMP) {
    // The ends of the float32 numbers are no limits: attributes are finite.
    if (parameters[0] <= -FLT_MAX) parameters[0] = -HUGE_VALF;
    if (parameters[1] >= FLT_MAX) parameters[1] = HUGE_VALF;
  }
  for_row_chunks(call, x.size(), 8, [&](size_t from, size_t to) {
    call.kernels->activation(Fn, parameters, x.floats() + from, y.floats() + from, to - from);
  });
  return {};
}

template Status activation<OCTAVO_ACTIVATION_CLAMP>(Call&);
template Status activation<OCTAVO_ACTIVATION_HARDSWISH>(Call&);
template Status activation<OCTAVO_ACTIVATION_HARDSIGMOID>(Call&);
template Status activation<OCTAVO_ACTIVATION_ELU>(Call&);
template Status activation<OCTAVO_ACTIVATION_LEAKY_RELU>(Call&);
template Status activation<OCTAVO_ACTIVATION_SILU>(Call&);

}  // namespace octavo
