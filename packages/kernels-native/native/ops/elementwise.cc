#include "layout.h"
#include "ops.h"

namespace octavo {
namespace {

Status run_unary(Call& call, octavo_unary fn) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 1));
  const View& x = call.inputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "y", call.outputs[0], DType::Float32));
  OCTAVO_TRY(expect_size(call, "y", call.outputs[0], x.size()));
  for_row_chunks(call, x.size(), 8, [&](size_t from, size_t to) {
    call.kernels->unary(fn, x.floats() + from, call.outputs[0].floats() + from, to - from);
  });
  return {};
}

// y = a fn b with NumPy's broadcast.
Status run_binary(Call& call, octavo_binary fn) {
  OCTAVO_TRY(expect_operands(call, 2, 2, 1));
  const View &a = call.inputs[0], &b = call.inputs[1];
  const View& y = call.outputs[0];
  OCTAVO_TRY(expect_tensor(call, "a", a, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "b", b, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "y", y, DType::Float32));
  const bool fits = for_broadcast_rows(call, a, b, y, [&](size_t a_at, size_t a_step, size_t b_at, size_t b_step, size_t y_at, size_t n) {
    call.kernels->binary(fn, a.floats() + a_at, a_step, b.floats() + b_at, b_step, y.floats() + y_at, n);
  });
  return fits ? Status{} : fail(Code::InvalidShape, "[%s] the operands cannot be broadcast to the output", call.op);
}

}  // namespace

template <octavo_unary Fn> Status unary(Call& call) { return run_unary(call, Fn); }
template <octavo_binary Fn> Status binary(Call& call) { return run_binary(call, Fn); }

template Status unary<OCTAVO_UNARY_GELU>(Call&);
template Status unary<OCTAVO_UNARY_RELU>(Call&);
template Status unary<OCTAVO_UNARY_TANH>(Call&);
template Status unary<OCTAVO_UNARY_SIGMOID>(Call&);
template Status unary<OCTAVO_UNARY_ERF>(Call&);
template Status unary<OCTAVO_UNARY_EXP>(Call&);
template Status unary<OCTAVO_UNARY_SQRT>(Call&);
template Status unary<OCTAVO_UNARY_NEG>(Call&);
template Status unary<OCTAVO_UNARY_SIN>(Call&);
template Status unary<OCTAVO_UNARY_COS>(Call&);
template Status unary<OCTAVO_UNARY_GELU_TANH>(Call&);
template Status binary<OCTAVO_BINARY_ADD>(Call&);
template Status binary<OCTAVO_BINARY_SUB>(Call&);
template Status binary<OCTAVO_BINARY_MUL>(Call&);
template Status binary<OCTAVO_BINARY_DIV>(Call&);

}  // namespace octavo
