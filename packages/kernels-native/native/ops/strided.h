// Copies by steps: the one walk behind every op that picks, repeats or turns elements.
#pragma once
#include <stddef.h>
#include <string.h>

#include "../runtime/call.h"

namespace octavo {

// Elements between neighbours along each dimension of row-major memory.
inline void dense_steps(const View& view, ptrdiff_t* steps) {
  ptrdiff_t step = 1;
  for (int i = view.rank - 1; i >= 0; i--) {
    steps[i] = step;
    step *= ptrdiff_t(view.dim(i));
  }
}

// out is dense; its element at [i, j, ...] is the source's at i * steps[0] + j * steps[1] + ..., in elements.
inline void copy_strided(const Call& call, const uint8_t* from, const ptrdiff_t* steps, const View& out) {
  const size_t bytes = dtype_bytes(out.dtype);
  if (out.size() == 0) return;
  if (out.rank == 0) {
    memcpy(out.data, from, bytes);
    return;
  }
  // A row is the longest tail that is contiguous in the source as well.
  int outer = out.rank - 1;
  size_t row = out.dim(outer);
  const ptrdiff_t step = steps[outer];
  while (step == 1 && outer > 0 && steps[outer - 1] == ptrdiff_t(row)) row *= out.dim(--outer);
  for_row_chunks(call, out.size() / row, row, [&](size_t first, size_t last) {
    for (size_t r = first; r < last; r++) {
      size_t rest = r;
      ptrdiff_t at = 0;
      for (int i = outer - 1; i >= 0; i--) {
        at += ptrdiff_t(rest % out.dim(i)) * steps[i];
        rest /= out.dim(i);
      }
      uint8_t* to = out.data + r * row * bytes;
      const uint8_t* source = from + at * ptrdiff_t(bytes);
      if (step == 1) {
        memcpy(to, source, row * bytes);
      } else if (bytes == 4) {
        for (size_t i = 0; i < row; i++) memcpy(to + i * 4, source + ptrdiff_t(i) * step * 4, 4);
      } else {
        for (size_t i = 0; i < row; i++) memcpy(to + i * bytes, source + ptrdiff_t(i) * step * ptrdiff_t(bytes), bytes);
      }
    }
  });
}

// One tensor and an output of its dtype.
inline Status expect_copy(const Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 1));
  OCTAVO_TRY(expect_tensor(call, "x", call.inputs[0], call.inputs[0].dtype));
  return expect_tensor(call, "y", call.outputs[0], call.inputs[0].dtype);
}

// A dimension named from either end; a tensor without dimensions has one of 1 to name.
inline Status axis_of(const Call& call, const View& x, int64_t asked, int* axis) {
  const int64_t resolved = asked < 0 ? asked + x.rank : asked;
  if (resolved < 0 || resolved >= x.rank) return fail(Code::InvalidShape, "[%s] no such dimension", call.op);
  *axis = int(resolved);
  return {};
}

}  // namespace octavo
