#include "gemm_blocks.h"
#include "matrices.h"
#include "ops.h"

namespace octavo {

// a [..., m, k], b [..., k, n] with leading dimensions broadcast -> [..., m, n].
Status matmul(Call& call) {
  OCTAVO_TRY(expect_operands(call, 2, 2, 1));
  const View &a = call.inputs[0], &b = call.inputs[1];
  const View& y = call.outputs[0];
  OCTAVO_TRY(expect_tensor(call, "a", a, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "b", b, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "y", y, DType::Float32));
  if (a.rank < 2 || b.rank < 2 || y.rank < 2 || a.rank > y.rank || b.rank > y.rank || a.dim(-1) != b.dim(-2) ||
      y.dim(-2) != a.dim(-2) || y.dim(-1) != b.dim(-1)) {
    return fail(Code::InvalidShape, "[%s] the shapes of a, b and y do not fit", call.op);
  }
  const size_t m = a.dim(-2), k = a.dim(-1), n = b.dim(-1);
  size_t batches = 1;
  for (int i = 0; i < y.rank - 2; i++) {
    for (const View* view : {&a, &b}) {
      const int own = i - (y.rank - view->rank);
      if (own >= 0 && view->dim(own) != 1 && view->dim(own) != y.dim(i)) {
        return fail(Code::InvalidShape, "[%s] the leading dimensions cannot be broadcast", call.op);
      }
    }
    batches *= y.dim(i);
  }
  if (y.size() == 0) return {};
  size_t packed_at = SIZE_MAX;
  float* panels = reinterpret_cast<float*>(scratch(0, f32_panel_floats(n, k) * sizeof(float)));
  if (panels == nullptr && k != 0) return fail(Code::OutOfMemory, "[%s] no memory to pack b", call.op);
  for (size_t batch = 0; batch < batches; batch++) {
    const size_t b_at = matrix_of(b, y, batch) * k * n;
    if (b_at != packed_at) pack_f32(b.floats() + b_at, {n, 1}, n, k, panels);
    packed_at = b_at;
    const float* rows = a.floats() + matrix_of(a, y, batch) * m * k;
    for_gemm_blocks(call, m, n, k, [&](size_t row, size_t count, size_t column, size_t columns) {
      const octavo_gemm_f32 block = {count, columns, k, rows + row * k, k, panels + column * k,
                                     y.floats() + (batch * m + row) * n + column, n, nullptr, OCTAVO_ACT_NONE};
      call.kernels->gemm_f32(&block);
    });
  }
  return {};
}

}  // namespace octavo
