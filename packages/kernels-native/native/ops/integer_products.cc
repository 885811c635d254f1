// Exact int32 products of codes less their zero points (ONNX MatMulInteger and ConvInteger). Sums wrap beyond int32.
#include <atomic>
#include <memory>
#include <new>

#include "matrices.h"
#include "ops.h"

namespace octavo {
namespace {

Status expect_codes(const Call& call, const char* name, const View& view) {
  OCTAVO_TRY(expect_tensor(call, name, view, view.dtype));
  const bool known = view.dtype == DType::Uint8 || view.dtype == DType::Int8;
  return known ? Status{} : fail(Code::InvalidDtype, "[%s] %s must be uint8 or int8", call.op, name);
}

int code_at(const View& codes, size_t at) { return codes.dtype == DType::Uint8 ? codes.as<uint8_t>()[at] : codes.as<int8_t>()[at]; }

// Zero points of the lines (rows or columns) of matrices: one, one a line, or, of rank 2 and more, one a line of each.
struct ZeroPoints {
  const View* zeros;
  size_t lines;

  Status check(const Call& call, const char* name, size_t matrices) const {
    if (!zeros) return {};
    OCTAVO_TRY(expect_codes(call, name, *zeros));
    const size_t count = zeros->size();
    if (count == 1 || count == lines || (zeros->rank > 1 && count == lines * matrices)) return {};
    return fail(Code::InvalidShape, "[%s] %s: one, or %zu", call.op, name, lines);
  }
  int at(size_t matrix, size_t line) const {
    if (!zeros) return 0;
    const size_t count = zeros->size();
    return code_at(*zeros, count == 1 ? 0 : count == lines ? line : matrix * lines + line);
  }
};

// Codes less zero points fit 16 bits, and two products of such an int32: the form that CPUs multiply pairs in.
using Differences = std::unique_ptr<int16_t[]>;

Differences differences(size_t count) { return Differences(new (std::nothrow) int16_t[count]); }

Status no_memory(const Call& call) { return fail(Code::OutOfMemory, "[%s] no memory for the operands in 16 bits", call.op); }

uint32_t dot(const int16_t* a, const int16_t* b, size_t k) {
  constexpr size_t kExact = 32768;  // products of at most 255 * 255 whose sum fits int32
  uint32_t total = 0;
  for (size_t from = 0; from < k; from += kExact) {
    const size_t to = k - from < kExact ? k : from + kExact;
    int32_t sum = 0;
    for (size_t i = from; i < to; i++) sum += int32_t(a[i]) * int32_t(b[i]);
    total += uint32_t(sum);
  }
  return total;
}

size_t matrices_of(const View& view) {
  size_t count = 1;
  for (int i = 0; i < view.rank - 2; i++) count *= view.dim(i);
  return count;
}

constexpr int kAxes = kMaxRank - 2;

// attrs: stride, padding, dilation (lists), groups.
struct Geometry {
  int axes;
  int64_t stride[kAxes], padding[kAxes], dilation[kAxes];
  size_t groups, positions = 1, taps = 1;
};

Status read_geometry(const Call& call, const View& x, const View& w, const View& y, Geometry* g) {
  g->axes = w.rank - 2;
  bool fits = g->axes >= 1 && x.rank == w.rank && y.rank == w.rank;
  const size_t axes = fits ? size_t(g->axes) : 0;
  fits = fits && call.attr_count == 4 * axes + 4 && call.attr_int(0) == int64_t(axes) && call.attr_int(axes + 1) == int64_t(2 * axes) &&
         call.attr_int(3 * axes + 2) == int64_t(axes) && call.attr_int(4 * axes + 3) >= 1;
  if (!fits) return fail(Code::InvalidShape, "[%s] x, w and the attributes do not fit", call.op);
  g->groups = size_t(call.attr_int(4 * axes + 3));
  fits = x.dims[1] % int64_t(g->groups) == 0 && x.dims[1] / int64_t(g->groups) == w.dims[1] && w.dims[0] % int64_t(g->groups) == 0 &&
         y.dims[0] == x.dims[0] && y.dims[1] == w.dims[0];
  for (size_t i = 0; fits && i < axes; i++) {
    g->stride[i] = call.attr_int(1 + i), g->padding[i] = call.attr_int(axes + 2 + i);
    g->dilation[i] = call.attr_int(3 * axes + 3 + i);
    fits = g->stride[i] >= 1 && g->dilation[i] >= 1;
    g->positions *= y.dim(int(i) + 2), g->taps *= w.dim(int(i) + 2);
  }
  return fits ? Status{} : fail(Code::InvalidShape, "[%s] x, w, y and the attributes do not fit", call.op);
}

// The place in an image's plane of a tap of the kernel at a position of y, or -1 in the padding.
int64_t pixel(const Geometry& g, const View& x, const View& w, const View& y, size_t position, size_t tap) {
  int64_t offset = 0, step = 1;
  for (int i = g.axes - 1; i >= 0; i--) {
    const int64_t at = int64_t(position % y.dim(i + 2)) * g.stride[i] + int64_t(tap % w.dim(i + 2)) * g.dilation[i] - g.padding[i];
    if (at < 0 || at >= x.dims[i + 2]) return -1;
    offset += at * step;
    step *= x.dims[i + 2];
    position /= y.dim(i + 2), tap /= w.dim(i + 2);
  }
  return offset;
}

}  // namespace

// a [..., m, k], b [..., k, n] of uint8 or int8, their zero points or nothing -> int32 [..., m, n].
Status matmul_integer(Call& call) {
  OCTAVO_TRY(expect_operands(call, 2, 4, 1));
  const View &a = call.inputs[0], &b = call.inputs[1], &y = call.outputs[0];
  OCTAVO_TRY(expect_codes(call, "a", a));
  OCTAVO_TRY(expect_codes(call, "b", b));
  OCTAVO_TRY(expect_tensor(call, "acc", y, DType::Int32));
  bool fits = a.rank >= 2 && b.rank >= 2 && y.rank >= a.rank && y.rank >= b.rank && a.dim(-1) == b.dim(-2) &&
              y.dim(-2) == a.dim(-2) && y.dim(-1) == b.dim(-1);
  for (const View* view : {&a, &b}) {
    for (int i = 0; fits && i < view->rank - 2; i++) fits = view->dim(i) == 1 || view->dim(i) == y.dim(i + y.rank - view->rank);
  }
  if (!fits) return fail(Code::InvalidShape, "[%s] the shapes of a, b and y do not fit", call.op);
  const size_t m = a.dim(-2), k = a.dim(-1), n = b.dim(-1), batches = matrices_of(y);
  const ZeroPoints a_zeros = {call.optional(2), m}, b_zeros = {call.optional(3), n};
  OCTAVO_TRY(a_zeros.check(call, "aZeroPoint", matrices_of(a)));
  OCTAVO_TRY(b_zeros.check(call, "bZeroPoint", matrices_of(b)));
  const Differences rows = differences(m * k), columns = differences(n * k);
  if (!rows || !columns) return no_memory(call);
  size_t a_at = SIZE_MAX, b_at = SIZE_MAX;
  for (size_t batch = 0; batch < batches; batch++) {
    const size_t left = matrix_of(a, y, batch), right = matrix_of(b, y, batch);
    for (size_t i = 0; left != a_at && i < m; i++) {
      const int zero = a_zeros.at(left, i);
      for (size_t p = 0; p < k; p++) rows[i * k + p] = int16_t(code_at(a, (left * m + i) * k + p) - zero);
    }
    for (size_t j = 0; right != b_at && j < n; j++) {
      const int zero = b_zeros.at(right, j);
      for (size_t p = 0; p < k; p++) columns[j * k + p] = int16_t(code_at(b, (right * k + p) * n + j) - zero);
    }
    a_at = left, b_at = right;
    uint32_t* to = y.as<uint32_t>() + batch * m * n;
    for_row_chunks(call, m, n * k, [&](size_t first, size_t last) {
      for (size_t i = first; i < last; i++) {
        for (size_t j = 0; j < n; j++) to[i * n + j] = dot(rows.get() + i * k, columns.get() + j * k, k);
      }
    });
  }
  return {};
}

// x [batch, in, ...spatial], w [out, in / groups, ...kernel] of uint8 or int8, their zero points or nothing -> int32
// [batch, out, ...]. Padding stands for x's zero point.
Status conv_integer(Call& call) {
  OCTAVO_TRY(expect_operands(call, 2, 4, 1));
  const View &x = call.inputs[0], &w = call.inputs[1], &y = call.outputs[0];
  OCTAVO_TRY(expect_codes(call, "x", x));
  OCTAVO_TRY(expect_codes(call, "w", w));
  OCTAVO_TRY(expect_tensor(call, "acc", y, DType::Int32));
  Geometry g;
  OCTAVO_TRY(read_geometry(call, x, w, y, &g));
  const size_t out = w.dim(0), channels = w.dim(1), k = channels * g.taps, plane = x.size() / (x.dim(0) * x.dim(1) + (x.size() == 0));
  const ZeroPoints x_zeros = {call.optional(2), 1}, w_zeros = {call.optional(3), out};
  OCTAVO_TRY(x_zeros.check(call, "xZeroPoint", 1));
  OCTAVO_TRY(w_zeros.check(call, "wZeroPoint", 1));
  const Differences weight = differences(out * k);
  if (!weight) return no_memory(call);
  for (size_t i = 0; i < out * k; i++) weight[i] = int16_t(code_at(w, i) - w_zeros.at(0, i / k));
  const int x_zero = x_zeros.at(0, 0);
  bool complete = true;
  for (size_t part = 0; part < x.dim(0) * g.groups; part++) {
    const size_t image = part / g.groups, group = part % g.groups, of_group = out / g.groups;
    const size_t from = (image * x.dim(1) + group * channels) * plane;
    uint32_t* to = y.as<uint32_t>() + (image * out + group * of_group) * g.positions;
    std::atomic<bool> failed{false};
    for_row_chunks(call, g.positions, of_group * k, [&](size_t first, size_t last) {
      int16_t* patch = reinterpret_cast<int16_t*>(scratch(0, k * sizeof(int16_t)));
      if (patch == nullptr && k != 0) {
        failed = true;
        return;
      }
      for (size_t position = first; position < last; position++) {
        for (size_t tap = 0; tap < g.taps; tap++) {
          const int64_t at = pixel(g, x, w, y, position, tap);
          for (size_t c = 0; c < channels; c++) {
            patch[c * g.taps + tap] = at < 0 ? int16_t(0) : int16_t(code_at(x, from + c * plane + size_t(at)) - x_zero);
          }
        }
        for (size_t o = 0; o < of_group; o++) to[o * g.positions + position] = dot(weight.get() + (group * of_group + o) * k, patch, k);
      }
    });
    complete = complete && !failed;
  }
  return complete ? Status{} : no_memory(call);
}

}  // namespace octavo
