#include <math.h>

#include "ops.h"
#include "reduce.h"
#include "strided.h"

namespace octavo {
namespace {

// The elements of x that each element of y is made of: offsets of the reduced ones, in row-major order, from the place of
// each kept one.
struct Reduction {
  size_t reduced = 1, outputs = 1;  // elements of one, and how many there are
  size_t run = 1;                   // reduced elements that lie side by side, or, where the last dimension is kept,
  size_t inner = 1;                 // kept ones that do
  int reduced_axes[kMaxRank], kept_axes[kMaxRank], reduced_count = 0, kept_count = 0;
  ptrdiff_t steps[kMaxRank];

  size_t place(const View& x, const int* axes, int count, size_t index) const {
    size_t at = 0;
    for (int i = count - 1; i >= 0; i--) {
      at += index % x.dim(axes[i]) * size_t(steps[axes[i]]);
      index /= x.dim(axes[i]);
    }
    return at;
  }
  size_t reduced_place(const View& x, size_t index) const { return place(x, reduced_axes, reduced_count, index); }
  size_t kept_place(const View& x, size_t index) const { return place(x, kept_axes, kept_count, index); }
};

// attrs: dims (list, all of them where empty).
Status expect_reduction(const Call& call, Reduction* r) {
  OCTAVO_TRY(expect_copy(call));
  const View &x = call.inputs[0], &y = call.outputs[0];
  const int64_t count = call.attr_int(0);
  if (count < 0 || size_t(count) >= call.attr_count) return fail(Code::InvalidArgument, "[%s] the dims must be a list", call.op);
  bool chosen[kMaxRank] = {};
  for (int64_t i = 0; i < count && x.rank != 0; i++) {
    int axis = 0;
    OCTAVO_TRY(axis_of(call, x, call.attr_int(size_t(1 + i)), &axis));
    chosen[axis] = true;
  }
  dense_steps(x, r->steps);
  for (int i = 0; i < x.rank; i++) {
    if (count == 0 || chosen[i]) r->reduced_axes[r->reduced_count++] = i, r->reduced *= x.dim(i);
    else r->kept_axes[r->kept_count++] = i, r->outputs *= x.dim(i);
  }
  for (int i = x.rank - 1; i >= 0 && (count == 0 || chosen[i]); i--) r->run *= x.dim(i);
  for (int i = x.rank - 1; i >= 0 && count != 0 && !chosen[i]; i--) r->inner *= x.dim(i);
  return expect_size(call, "y", y, r->outputs);
}

// y[i] = finish(lane sum of the reduced elements), floats. Kept elements that lie side by side are summed side by side.
template <class Finish> Status reduce_lanes(Call& call, const Reduction& r, Finish finish) {
  const View& x = call.inputs[0];
  float* y = call.outputs[0].floats();
  if (r.inner == 1) {
    for_row_chunks(call, r.outputs, r.reduced, [&](size_t first, size_t last) {
      for (size_t i = first; i < last; i++) {
        const float* from = x.floats() + r.kept_place(x, i);
        Lanes lanes;
        for (size_t at = 0; at < r.reduced; at += r.run) lanes.add(from + r.reduced_place(x, at), r.run);
        y[i] = finish(lanes.fold());
      }
    });
    return {};
  }
  constexpr size_t kColumns = 64;
  const size_t pieces = (r.inner + kColumns - 1) / kColumns;
  for_row_chunks(call, r.outputs / r.inner * pieces, r.reduced * kColumns, [&](size_t first, size_t last) {
    for (size_t piece = first; piece < last; piece++) {
      const size_t start = piece / pieces * r.inner + piece % pieces * kColumns, rest = r.inner - piece % pieces * kColumns;
      const size_t columns = rest < kColumns ? rest : kColumns;
      const float* from = x.floats() + r.kept_place(x, start);
      float sums[Lanes::kCount][kColumns] = {};
      for (size_t i = 0; i < r.reduced; i++) {
        const float* row = from + r.reduced_place(x, i);
        float* lane = sums[i % Lanes::kCount];
        for (size_t c = 0; c < columns; c++) lane[c] += row[c];
      }
      for (size_t width = Lanes::kCount / 2; width >= 1; width /= 2) {
        for (size_t lane = 0; lane < width; lane++) {
          for (size_t c = 0; c < columns; c++) sums[lane][c] += sums[lane + width][c];
        }
      }
      for (size_t c = 0; c < columns; c++) y[start + c] = finish(sums[0][c]);
    }
  });
  return {};
}

// y[i] = the reduced elements folded by `step` in their order, from the first of them, or `empty`.
template <class T, class Step> void reduce_fold(Call& call, const Reduction& r, T empty, Step step) {
  const View& x = call.inputs[0];
  T* y = call.outputs[0].as<T>();
  for_row_chunks(call, r.outputs, r.reduced * 2, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; i++) {
      const T* from = x.as<T>() + r.kept_place(x, i);
      T sum = empty;
      for (size_t at = 0; at < r.reduced; at += r.run) {
        const T* row = from + r.reduced_place(x, at);
        for (size_t j = 0; j < r.run; j++) sum = at + j == 0 ? row[j] : step(sum, row[j]);
      }
      y[i] = sum;
    }
  });
}

bool is_nan(float x) { return isnan(x); }
template <class T> bool is_nan(T) { return false; }

template <class T, bool Largest> Status extreme(Call& call, const Reduction& r, T empty) {
  reduce_fold<T>(call, r, empty, [](T best, T x) {
    // NaN wins, the first of equals stays.
    const bool better = Largest ? x > best : x < best;
    return better || (is_nan(x) && !is_nan(best)) ? x : best;
  });
  return {};
}

template <bool Largest> Status extremes(Call& call) {
  Reduction r;
  OCTAVO_TRY(expect_reduction(call, &r));
  switch (call.inputs[0].dtype) {
    case DType::Float32: return extreme<float, Largest>(call, r, Largest ? -INFINITY : INFINITY);
    case DType::Int8: return extreme<int8_t, Largest>(call, r, Largest ? INT8_MIN : INT8_MAX);
    case DType::Uint8: return extreme<uint8_t, Largest>(call, r, Largest ? 0 : UINT8_MAX);
    case DType::Int32: return extreme<int32_t, Largest>(call, r, Largest ? INT32_MIN : INT32_MAX);
    case DType::Int64: return extreme<int64_t, Largest>(call, r, Largest ? INT64_MIN : INT64_MAX);
    case DType::Bool: return extreme<uint8_t, Largest>(call, r, Largest ? 0 : 1);
    default: return fail(Code::InvalidDtype, "[%s] x has dtype code %d", call.op, int(call.inputs[0].dtype));
  }
}

}  // namespace

// attrs: dims (list), keepDim.
Status mean(Call& call) {
  Reduction r;
  OCTAVO_TRY(expect_tensor(call, "x", call.inputs[0], DType::Float32));
  OCTAVO_TRY(expect_reduction(call, &r));
  const double count = double(r.reduced);
  return reduce_lanes(call, r, [count](float sum) { return float(double(sum) / count); });
}

Status sum(Call& call) {
  Reduction r;
  OCTAVO_TRY(expect_reduction(call, &r));
  switch (call.inputs[0].dtype) {
    case DType::Float32: return reduce_lanes(call, r, [](float total) { return total; });
    case DType::Int32: reduce_fold<uint32_t>(call, r, 0, [](uint32_t a, uint32_t b) { return a + b; }); return {};
    case DType::Int64: reduce_fold<uint64_t>(call, r, 0, [](uint64_t a, uint64_t b) { return a + b; }); return {};
    default: return fail(Code::InvalidDtype, "[%s] x has dtype code %d", call.op, int(call.inputs[0].dtype));
  }
}

Status prod(Call& call) {
  Reduction r;
  OCTAVO_TRY(expect_reduction(call, &r));
  switch (call.inputs[0].dtype) {
    case DType::Float32: reduce_fold<float>(call, r, 1, [](float a, float b) { return a * b; }); return {};
    case DType::Int32: reduce_fold<uint32_t>(call, r, 1, [](uint32_t a, uint32_t b) { return a * b; }); return {};
    case DType::Int64: reduce_fold<uint64_t>(call, r, 1, [](uint64_t a, uint64_t b) { return a * b; }); return {};
    default: return fail(Code::InvalidDtype, "[%s] x has dtype code %d", call.op, int(call.inputs[0].dtype));
  }
}

Status amax(Call& call) { return extremes<true>(call); }
Status amin(Call& call) { return extremes<false>(call); }

}  // namespace octavo
