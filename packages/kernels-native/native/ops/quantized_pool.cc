#include <string.h>

#include <atomic>

#include "windows.h"

namespace octavo {
namespace {

// Sums of at most this many codes fit 32 bits.
constexpr int64_t kMaxInt32Count = int64_t(1) << 23;

// How a sum of differences to the zero point becomes the code of a mean: `MeanRule` of core. `nchw` adds the zero point
// before the rounding, as PyTorch does for tensors that are not channels-last; a scale above 0 is the result's own.
struct MeanRule {
  int32_t x_zero;
  bool nchw;
  float x_scale, scale;
  int32_t own_zero;
  bool owns() const { return scale > 0; }
  int32_t zero() const { return owns() ? own_zero : x_zero; }
  float multiplier(int64_t divisor) const { return owns() ? x_scale / (scale * float(divisor)) : float(1.0 / double(divisor)); }
  int32_t code(int64_t sum, int64_t divisor, CodeType type) const {
    if (!nchw || owns()) return quantize_value(float(sum), multiplier(divisor), zero(), type.low, type.high);
    const float code = nearbyintf(float(sum) * multiplier(divisor) + float(x_zero));
    return code < type.low ? type.low : code > type.high ? type.high : int32_t(code);
  }
};

// Attributes from `at` on: xZeroPoint, nchw where the op has it, and xScale, scale, zeroPoint of the `linear` ops.
MeanRule mean_rule(const Call& call, size_t at, bool has_nchw) {
  const size_t own = at + (has_nchw ? 2 : 1);
  return {int32_t(call.attr_int(at)), has_nchw && call.attr_int(at + 1) == 1, call.attr_float(own), call.attr_float(own + 1),
          int32_t(call.attr_int(own + 2))};
}

int32_t code_at(const uint8_t* x, CodeType type) { return int32_t(uint8_t(*x ^ type.flip)) - type.shift; }

template <class Divisor>
Status average(Call& call, const Image& image, const Windows& windows, const MeanRule& rule, Divisor divisor_of) {
  const View &x = call.inputs[0], &y = call.outputs[0];
  const CodeType type = code_type(x);
  const octavo_code_kernels& kernels = *call.kernels->codes;
  const size_t outputs = windows.outputs(), inner = image.inner;
  const bool vectors = inner > 1 && (!rule.nchw || rule.owns()) && int64_t(image.plane()) <= kMaxInt32Count;
  std::atomic<bool> no_memory{false};
  for_windows(call, image, windows, [&](size_t outer, const Span* const spans[3], size_t output) {
    const int64_t count = spans[0]->count() * spans[1]->count() * spans[2]->count();
    const int64_t divisor = divisor_of(count, spans[0]->padded * spans[1]->padded * spans[2]->padded);
    uint8_t* to = y.data + (outer * outputs + output) * inner;
    if (count == 0) {
      memset(to, uint8_t(rule.zero()), inner);
      return;
    }
    if (vectors) {
      int32_t* sums = reinterpret_cast<int32_t*>(scratch(0, inner * sizeof(int32_t)));
      if (sums == nullptr) {
        no_memory = true;
        return;
      }
      memset(sums, 0, inner * sizeof(int32_t));
      for_window_rows(image, outer, spans, [&](size_t at, size_t columns, size_t step) {
        for (size_t j = 0; j < columns; j++) kernels.add_to_sums(type.flip, x.data + at + j * step, sums, inner);
      });
      const octavo_to_codes codes = to_codes(type, rule.multiplier(divisor), rule.zero());
      kernels.quantize_sums(sums, int32_t(count) * (rule.x_zero + type.shift), &codes, to, inner);
      return;
    }
    for (size_t c = 0; c < inner; c++) {
      int64_t sum = 0;
      for_window_rows(image, outer, spans, [&](size_t at, size_t columns, size_t step) {
        for (size_t j = 0; j < columns; j++) sum += code_at(x.data + at + j * step + c, type);
      });
      to[c] = uint8_t(rule.code(sum - count * rule.x_zero, divisor, type));
    }
  });
  return no_memory ? fail(Code::OutOfMemory, "[%s] no memory for sums", call.op) : Status{};
}

}  // namespace

// attrs: kernel, stride, padding, dilation (lists), ceilMode.
Status quantized_max_pool2d(Call& call) {
  OCTAVO_TRY(expect_codes_to_codes(call, 1, 1));
  const View &x = call.inputs[0], &y = call.outputs[0];
  size_t at = 0;
  Image image;
  Windows windows;
  OCTAVO_TRY(sliding_windows(call, true, &at, &image, &windows));
  const CodeType type = code_type(x);
  const octavo_code_kernels& kernels = *call.kernels->codes;
  const size_t outputs = windows.outputs(), inner = image.inner;
  for_windows(call, image, windows, [&](size_t outer, const Span* const spans[3], size_t output) {
    uint8_t* to = y.data + (outer * outputs + output) * inner;
    if (inner == 1) {
      int32_t max = type.low;
      for_window_rows(image, outer, spans, [&](size_t from, size_t columns, size_t step) {
        for (size_t j = 0; j < columns; j++) {
          const int32_t code = code_at(x.data + from + j * step, type);
          max = code > max ? code : max;
        }
      });
      *to = uint8_t(max);
      return;
    }
    memset(to, uint8_t(type.low), inner);
    for_window_rows(image, outer, spans, [&](size_t from, size_t columns, size_t step) {
      for (size_t j = 0; j < columns; j++) kernels.max(type.flip, x.data + from + j * step, to, inner);
    });
  });
  return {};
}

// attrs: kernel, stride, padding (lists), ceilMode, countIncludePad, divisor, then as `mean_rule`.
Status quantized_avg_pool2d(Call& call) {
  OCTAVO_TRY(expect_codes_to_codes(call, 1, 1));
  size_t at = 0;
  Image image;
  Windows windows;
  OCTAVO_TRY(sliding_windows(call, false, &at, &image, &windows));
  const bool padded = call.attr_int(at) == 1;
  const int64_t divisor = call.attr_int(at + 1);
  return average(call, image, windows, mean_rule(call, at + 2, true),
                 [=](int64_t count, int64_t area) { return divisor > 0 ? divisor : padded ? area : count; });
}

// attrs: outputSize (list), then as `mean_rule`.
Status quantized_adaptive_avg_pool2d(Call& call) {
  OCTAVO_TRY(expect_codes_to_codes(call, 1, 1));
  size_t at = 0;
  Image image;
  Windows windows;
  OCTAVO_TRY(adaptive_windows(call, &at, &image, &windows));
  return average(call, image, windows, mean_rule(call, at, true), [](int64_t count, int64_t) { return count; });
}

// attrs: dims (list; all when empty), keepdim, then as `mean_rule`. The output is row-major.
Status quantized_mean(Call& call) {
  OCTAVO_TRY(expect_codes_to_codes(call, 1, 1));
  const View &x = call.inputs[0], &y = call.outputs[0];
  size_t at = 0;
  AttrList dims;
  OCTAVO_TRY(list_attr(call, "dims", &at, &dims));
  unsigned reduced_axes = dims.count == 0 ? (1u << x.rank) - 1 : 0;
  for (size_t i = 0; i < dims.count; i++) {
    const int64_t axis = dims.values[i] < 0 ? dims.values[i] + x.rank : dims.values[i];
    if (axis < 0 || axis >= x.rank) return fail(Code::InvalidShape, "[%s] no such dimension", call.op);
    reduced_axes |= 1u << axis;
  }
  // Axes in memory order, outermost first; the output's elements lie in logical order.
  struct Axis {
    size_t size, step, y_step;
  };
  size_t steps[kMaxRank];
  element_steps(x, steps);
  Axis axes[kMaxRank];
  size_t y_step = 1;
  int64_t count = 1;
  for (int i = x.rank - 1; i >= 0; i--) {
    const bool reduced = (reduced_axes >> i & 1) != 0;
    axes[i] = {x.dim(i), steps[i], reduced ? 0 : y_step};
    if (reduced) count *= x.dims[i];
    else y_step *= x.dim(i);
  }
  OCTAVO_TRY(expect_size(call, "y", y, y_step));
  if (y.size() == 0) return {};
  if (count == 0) return fail(Code::InvalidShape, "[%s] a mean over no elements", call.op);
  Axis kept[kMaxRank], reduced[kMaxRank];
  int kept_rank = 0, reduced_rank = 0;
  for (int i = 0; i < x.rank; i++) {
    const int axis = memory_axis(x, i);
    if ((reduced_axes >> axis & 1) != 0) reduced[reduced_rank++] = axes[axis];
    else kept[kept_rank++] = axes[axis];
  }
  const CodeType type = code_type(x);
  const MeanRule rule = mean_rule(call, at + 1, false);
  const auto for_reduced = [&](int rank, auto run) {
    size_t total = 1;
    for (int i = 0; i < rank; i++) total *= reduced[i].size;
    for (size_t r = 0; r < total; r++) {
      size_t rest = r, offset = 0;
      for (int i = rank - 1; i >= 0; i--) {
        offset += rest % reduced[i].size * reduced[i].step;
        rest /= reduced[i].size;
      }
      run(offset);
    }
  };
  // Rows of kept elements that lie side by side are added as vectors.
  const bool vectors = kept_rank != 0 && kept[kept_rank - 1].step == 1 && kept[kept_rank - 1].size > 1 && count <= kMaxInt32Count;
  const Axis row = vectors ? kept[--kept_rank] : Axis{1, 1, 1};
  std::atomic<bool> no_memory{false};
  for_row_chunks(call, y.size() / row.size, row.size * size_t(count), [&](size_t from, size_t to) {
    for (size_t r = from; r < to; r++) {
      size_t rest = r, x_at = 0, y_at = 0;
      for (int i = kept_rank - 1; i >= 0; i--) {
        const size_t index = rest % kept[i].size;
        rest /= kept[i].size;
        x_at += index * kept[i].step, y_at += index * kept[i].y_step;
      }
      if (!vectors) {
        // The innermost reduced axis as a loop of its own.
        const Axis last = reduced_rank == 0 ? Axis{1, 1, 0} : reduced[reduced_rank - 1];
        int64_t sum = 0;
        for_reduced(reduced_rank == 0 ? 0 : reduced_rank - 1, [&](size_t offset) {
          for (size_t j = 0; j < last.size; j++) sum += code_at(x.data + x_at + offset + j * last.step, type);
        });
        y.data[y_at] = uint8_t(rule.code(sum - count * rule.x_zero, count, type));
        continue;
      }
      uint8_t* memory = scratch(0, row.size * (sizeof(int32_t) + 1));
      if (memory == nullptr) {
        no_memory = true;
        return;
      }
      int32_t* sums = reinterpret_cast<int32_t*>(memory);
      uint8_t* codes = memory + row.size * sizeof(int32_t);
      memset(sums, 0, row.size * sizeof(int32_t));
      for_reduced(reduced_rank, [&](size_t offset) { call.kernels->codes->add_to_sums(type.flip, x.data + x_at + offset, sums, row.size); });
      const octavo_to_codes to_code = to_codes(type, rule.multiplier(count), rule.zero());
      call.kernels->codes->quantize_sums(sums, int32_t(count) * (rule.x_zero + type.shift), &to_code, codes, row.size);
      for (size_t j = 0; j < row.size; j++) y.data[y_at + j * row.y_step] = codes[j];
    }
  });
  return no_memory ? fail(Code::OutOfMemory, "[%s] no memory for sums", call.op) : Status{};
}

}  // namespace octavo
