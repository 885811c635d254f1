#include "call.h"

namespace octavo {

Status expect_operands(const Call& call, size_t min_inputs, size_t max_inputs, size_t outputs) {
  if (call.input_count < min_inputs || call.input_count > max_inputs || call.output_count != outputs) {
    return fail(Code::InvalidArgument, "[%s] got %zu inputs and %zu outputs", call.op, call.input_count, call.output_count);
  }
  return {};
}

Status expect_tensor(const Call& call, const char* name, const View& view, DType dtype) {
  if (!view.present || (view.data == nullptr && view.size() != 0)) {
    return fail(Code::InvalidArgument, "[%s] %s must be a tensor", call.op, name);
  }
  if (view.dtype != dtype) {
    return fail(Code::InvalidDtype, "[%s] %s has dtype code %d, expected %d", call.op, name, int(view.dtype), int(dtype));
  }
  return {};
}

Status expect_dims(const Call& call, const char* name, const View& view, std::initializer_list<size_t> dims) {
  bool same = size_t(view.rank) == dims.size();
  int i = 0;
  for (size_t dim : dims) same = same && view.dim(i++) == dim;
  return same ? Status{} : fail(Code::InvalidShape, "[%s] %s has a shape that its operands do not give", call.op, name);
}

Status expect_size(const Call& call, const char* name, const View& view, size_t size) {
  if (view.size() == size) return {};
  return fail(Code::InvalidShape, "[%s] %s has %zu elements, expected %zu", call.op, name, view.size(), size);
}

Status expect_same_dims(const Call& call, const char* name, const View& a, const View& b) {
  bool same = a.rank == b.rank;
  for (int i = 0; same && i < a.rank; i++) same = a.dims[i] == b.dims[i];
  return same ? Status{} : fail(Code::InvalidShape, "[%s] %s has a shape that its operands do not give", call.op, name);
}

Status expect_packed_linear(const Call& call, const View& view, size_t gates) {
  const PackedWeight* weight = view.packed.get();
  if (weight && weight->kind == PackedWeight::kInt8 && weight->geometry.rank == 0 && weight->kernels == call.kernels && weight->gates == gates) return {};
  return fail(Code::InvalidArgument, "[%s] packed must be int8 weights packed for these kernels", call.op);
}

bool broadcast_steps(const View& view, const View& out, size_t* steps) {
  size_t step = 1;
  for (int i = out.rank - 1; i >= 0; i--) {
    const int own = i - (out.rank - view.rank);
    const size_t dim = own < 0 ? 1 : view.dim(own);
    if (dim != 1 && dim != out.dim(i)) return false;
    steps[i] = dim == 1 ? 0 : step;
    step *= dim;
  }
  return view.rank <= out.rank;
}

uint8_t* scratch(int slot, size_t bytes) {
  static thread_local Buffer buffers[kScratchSlots];
  return buffers[slot].reserve(bytes) ? buffers[slot].data() : nullptr;
}

}  // namespace octavo
