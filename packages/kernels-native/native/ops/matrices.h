// Tensors as stacks of matrices, their last two dimensions.
#pragma once
#include "../runtime/call.h"

namespace octavo {

// Which matrix of an operand meets matrix `batch` of y: leading dimensions are broadcast.
inline size_t matrix_of(const View& view, const View& y, size_t batch) {
  size_t at = 0, step = 1;
  for (int i = y.rank - 3; i >= 0; i--) {
    const size_t index = batch % y.dim(i);
    batch /= y.dim(i);
    const int own = i - (y.rank - view.rank);
    if (own < 0) continue;
    if (view.dim(own) != 1) at += index * step;
    step *= view.dim(own);
  }
  return at;
}

}  // namespace octavo
