// The memory order of a view. Dims are logical, [batch, channels, ...spatial]; row-major data lies in that order,
// channels-last data as [batch, ...spatial, channels].
#pragma once
#include "../runtime/call.h"

namespace octavo {

// The logical axis at place `i` of memory, outermost first.
inline int memory_axis(const View& view, int i) { return !view.channels_last || i == 0 ? i : i == view.rank - 1 ? 1 : i + 1; }

// Elements between neighbours along each logical axis.
inline void element_steps(const View& view, size_t* steps) {
  size_t step = 1;
  for (int i = view.rank - 1; i >= 0; i--) {
    const int axis = memory_axis(view, i);
    steps[axis] = step;
    step *= view.dim(axis);
  }
}

// What a row of `for_broadcast_rows` is given.
using BroadcastRow = void(void* context, size_t a_at, size_t a_step, size_t b_at, size_t b_step, size_t y_at, size_t n);

// `for_broadcast_rows`, written once for all that is done to rows: dozens of ops and dtypes would have a copy each.
inline bool walk_broadcast_rows(const Call& call, const View& a, const View& b, const View& y, BroadcastRow* run, void* context) {
  size_t steps[2][kMaxRank];
  const View* operands[2] = {&a, &b};
  for (int k = 0; k < 2; k++) {
    const View& view = *operands[k];
    size_t own[kMaxRank], in_memory[kMaxRank];
    if (view.rank > y.rank) return false;
    element_steps(view, own);
    for (int i = 0; i < y.rank; i++) {
      const int axis = i - (y.rank - view.rank);
      const size_t dim = axis < 0 ? 1 : view.dim(axis);
      if (dim != 1 && dim != y.dim(i)) return false;
      in_memory[i] = dim == 1 ? 0 : own[axis];
    }
    for (int i = 0; i < y.rank; i++) steps[k][i] = in_memory[memory_axis(y, i)];
  }
  if (y.size() == 0) return true;
  int outer = y.rank;
  size_t row = 1, row_step[2] = {0, 0};
  for (; outer > 0; outer--) {
    const size_t dim = y.dim(memory_axis(y, outer - 1));
    if (dim == 1) continue;
    const auto continues = [&](int k) {
      const size_t step = steps[k][outer - 1];
      return row == 1 ? step <= 1 : step == row_step[k] * row;
    };
    if (!continues(0) || !continues(1)) break;
    if (row == 1) row_step[0] = steps[0][outer - 1], row_step[1] = steps[1][outer - 1];
    row *= dim;
  }
  // One long row, as of two tensors of the same dims, is shared out as well.
  constexpr size_t kPiece = 1 << 14;
  const size_t pieces = (row + kPiece - 1) / kPiece;
  for_row_chunks(call, y.size() / row * pieces, row < kPiece ? row * 2 : kPiece, [&](size_t from, size_t to) {
    for (size_t r = from; r < to; r++) {
      const size_t start = r % pieces * kPiece;
      size_t rest = r / pieces, at[2] = {start * row_step[0], start * row_step[1]};
      for (int i = outer - 1; i >= 0; i--) {
        const size_t dim = y.dim(memory_axis(y, i)), index = rest % dim;
        rest /= dim;
        at[0] += index * steps[0][i], at[1] += index * steps[1][i];
      }
      const size_t n = row - start < kPiece ? row - start : kPiece;
      run(context, at[0], row_step[0], at[1], row_step[1], r / pieces * row + start, n);
    }
  });
  return true;
}

// Calls run(a offset, a step, b offset, b step, y offset, n) for rows that cover y under NumPy's broadcast, in y's memory
// order: a row is the longest tail along which each operand is either contiguous (step 1) or one repeated value (step 0).
// Offsets are in elements. False where an operand cannot be broadcast to y.
template <class Run> bool for_broadcast_rows(const Call& call, const View& a, const View& b, const View& y, Run run) {
  const auto erased = [](void* context, size_t a_at, size_t a_step, size_t b_at, size_t b_step, size_t y_at, size_t n) {
    (*static_cast<Run*>(context))(a_at, a_step, b_at, b_step, y_at, n);
  };
  return walk_broadcast_rows(call, a, b, y, erased, &run);
}

}  // namespace octavo
