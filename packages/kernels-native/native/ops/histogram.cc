// What observers ask of a tensor: its histogram, and its ranges.
#include <math.h>

#include <algorithm>
#include <vector>

#include "ops.h"

namespace octavo {
namespace {

constexpr size_t kBlock = 1024;
// Neighbours often fall into one bin: counters of their own keep one increment from waiting for another.
constexpr size_t kCounters = 4;
constexpr int64_t kMostBins = 1 << 20;

struct Bins {
  int32_t count;
  float low, high, width;
};

// The bin of each value, `count` for what does not count. The float form of trunc and its limit are those of core's
// reference; the comparison keeps infinite and NaN quotients, of ranges beyond float32, out of the conversion.
void find_bins(const float* x, size_t n, Bins bins, int32_t* out) {
  const float scale = float(bins.count), last = float(bins.count - 1);
  for (size_t i = 0; i < n; i++) {
    const float steps = (x[i] - bins.low) * scale / bins.width;
    const float limited = steps < last ? steps : last;
    // A value below the range, or NaN, is chosen away only afterwards: its steps must be convertible too.
    const int32_t bin = int32_t(limited > 0.0f ? limited : 0.0f);
    out[i] = (x[i] >= bins.low) & (x[i] <= bins.high) ? bin : bins.count;
  }
}

// Minima and maxima over finite values: a long run in sixteen lanes, for the compiler to keep in vectors. A bound of -0
// becomes +0 by adding 0.
void widen_range(const float* x, size_t n, float* min, float* max) {
  constexpr size_t kLanes = 16;
  if (n < 4 * kLanes) {
    for (size_t i = 0; i < n; i++) {
      if (x[i] - x[i] != 0.0f) continue;
      if (x[i] < *min) *min = x[i] + 0.0f;
      if (x[i] > *max) *max = x[i] + 0.0f;
    }
    return;
  }
  float low[kLanes], high[kLanes];
  std::fill(low, low + kLanes, *min);
  std::fill(high, high + kLanes, *max);
  const auto take = [&](size_t lane, float v) {
    const bool finite = v - v == 0.0f;
    low[lane] = finite & (v < low[lane]) ? v : low[lane];
    high[lane] = finite & (v > high[lane]) ? v : high[lane];
  };
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; lane++) take(lane, x[i + lane]);
  }
  for (size_t lane = 0; i < n; i++, lane++) take(lane, x[i]);
  *min = *std::min_element(low, low + kLanes) + 0.0f;
  *max = *std::max_element(high, high + kLanes) + 0.0f;
}

}  // namespace

// x -> counts [bins]. attrs: bins, min, max.
Status histc(Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 1));
  const View& x = call.inputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "counts", call.outputs[0], DType::Float32));
  const int64_t count = call.attr_int(0);
  if (count < 1 || count > kMostBins) return fail(Code::InvalidArgument, "[%s] bins must lie from 1 to 2^20", call.op);
  OCTAVO_TRY(expect_size(call, "counts", call.outputs[0], size_t(count)));
  Bins bins{int32_t(count), call.attr_float(1), call.attr_float(2), 0.0f};
  if (bins.low == bins.high) bins.low -= 1.0f, bins.high += 1.0f;
  bins.width = bins.high - bins.low;
  const size_t stride = size_t(count) + 1;  // the last counts what does not count
  std::vector<uint64_t> counts(stride * kCounters);
  int32_t found[kBlock];
  for (size_t start = 0; start < x.size(); start += kBlock) {
    const size_t n = std::min(kBlock, x.size() - start);
    find_bins(x.floats() + start, n, bins, found);
    for (size_t i = 0; i < n; i++) counts[(i % kCounters) * stride + size_t(found[i])]++;
  }
  for (size_t bin = 0; bin < size_t(count); bin++) {
    uint64_t total = 0;
    for (size_t c = 0; c < kCounters; c++) total += counts[c * stride + bin];
    call.outputs[0].floats()[bin] = float(total);
  }
  return {};
}

// x -> range [2, n], minima first. attrs: axis, -1 for one range of all values.
Status finite_range(Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 1));
  const View& x = call.inputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Float32));
  const int64_t axis = call.attr_int(0);
  if (axis < -1 || axis >= x.rank) return fail(Code::InvalidShape, "[%s] no such dimension", call.op);
  size_t count = 1, inner = x.size();
  if (axis >= 0) {
    count = x.dim(int(axis)), inner = 1;
    for (int i = int(axis) + 1; i < x.rank; i++) inner *= x.dim(i);
  }
  OCTAVO_TRY(expect_tensor(call, "range", call.outputs[0], DType::Float32));
  OCTAVO_TRY(expect_size(call, "range", call.outputs[0], 2 * count));
  float* min = call.outputs[0].floats();
  float* max = min + count;
  std::fill(min, min + count, INFINITY);
  std::fill(max, max + count, -INFINITY);
  if (inner == 0) return {};
  for (size_t block = 0; block * inner < x.size(); block++) {
    widen_range(x.floats() + block * inner, inner, min + block % count, max + block % count);
  }
  return {};
}

}  // namespace octavo
