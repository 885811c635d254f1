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

// y = a fn b with NumPy's broadcast: whole trailing dimensions that both walk alike are one row of the kernel.
Status run_binary(Call& call, octavo_binary fn) {
  OCTAVO_TRY(expect_operands(call, 2, 2, 1));
  const View &a = call.inputs[0], &b = call.inputs[1];
  const View& y = call.outputs[0];
  OCTAVO_TRY(expect_tensor(call, "a", a, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "b", b, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "y", y, DType::Float32));
  size_t a_steps[kMaxRank], b_steps[kMaxRank];
  if (!broadcast_steps(a, y, a_steps) || !broadcast_steps(b, y, b_steps)) {
    return fail(Code::InvalidShape, "[%s] the operands cannot be broadcast to the output", call.op);
  }
  if (y.size() == 0) return {};
  // The longest tail of dimensions along which each operand is either contiguous or one repeated value.
  int outer = y.rank;
  size_t row = 1;
  size_t a_step = 0, b_step = 0;
  while (outer > 0) {
    const size_t dim = y.dim(outer - 1), sa = a_steps[outer - 1], sb = b_steps[outer - 1];
    if (dim != 1 && row != 1 && ((sa != 0) != (a_step != 0) || (sb != 0) != (b_step != 0))) break;
    if (dim != 1) a_step = sa != 0, b_step = sb != 0;
    row *= dim;
    outer--;
  }
  for_row_chunks(call, y.size() / row, row * 2, [&](size_t from, size_t to) {
    for (size_t r = from; r < to; r++) {
      size_t rest = r, a_at = 0, b_at = 0;
      for (int i = outer - 1; i >= 0; i--) {
        const size_t index = rest % y.dim(i);
        rest /= y.dim(i);
        a_at += index * a_steps[i];
        b_at += index * b_steps[i];
      }
      call.kernels->binary(fn, a.floats() + a_at, a_step, b.floats() + b_at, b_step, y.floats() + r * row, row);
    }
  });
  return {};
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
template Status binary<OCTAVO_BINARY_ADD>(Call&);
template Status binary<OCTAVO_BINARY_SUB>(Call&);
template Status binary<OCTAVO_BINARY_MUL>(Call&);
template Status binary<OCTAVO_BINARY_DIV>(Call&);

}  // namespace octavo
