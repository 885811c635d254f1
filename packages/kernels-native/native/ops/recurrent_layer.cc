#include "recurrent_layer.h"

#include <string.h>

#include <atomic>

#include "dynamic_rows.h"
#include "gemm_blocks.h"

namespace octavo {
namespace {

// Rows of x whose gates are kept at once: enough for the input's GEMM to run at its full rate, few enough for L2.
constexpr size_t kInputRows = 192;
// Bytes of gates that a task of one step makes before it turns them into states.
constexpr size_t kStepBytes = 48 << 10;

// Hands out arrays of one block of memory; without memory it only counts.
class Carver {
 public:
  explicit Carver(uint8_t* memory) : memory_(memory) {}
  template <class T> T* take(size_t count) {
    T* taken = memory_ == nullptr ? nullptr : reinterpret_cast<T*>(memory_ + bytes_);
    bytes_ += (count * sizeof(T) + 63) & ~size_t(63);
    return taken;
  }
  size_t bytes() const { return bytes_; }

 private:
  uint8_t* memory_;
  size_t bytes_ = 0;
};

// Rows that one of the two linears multiplies: floats, or codes with their ranges.
struct Rows {
  float* floats;
  uint8_t* codes;
  float* scales;
  int32_t *zeros, *sums;
};

class Run {
 public:
  Run(const Call& call, const RecurrentLayer& layer)
      : call_(call), l_(layer), columns_(panel_count(layer.gates * layer.hidden, layer.gates) * OCTAVO_PANEL),
        int8_(layer.ih.panels == nullptr), aligned_(int8_ && layer.scheme == kOnnx && layer.lengths != nullptr), block_steps_(kInputRows / layer.batch == 0 ? 1 : kInputRows / layer.batch) {
    if (block_steps_ > layer.time) block_steps_ = layer.time;
  }

  Status operator()() {
    Carver count(nullptr);
    carve(count);
    uint8_t* memory = scratch(0, count.bytes() + 64);
    if (memory == nullptr) return fail(Code::OutOfMemory, "[%s] no memory for %zu bytes of gates", call_.op, count.bytes());
    Carver carver(memory);
    carve(carver);
    interleave_bias(l_.ih.bias, bias_ih_);
    interleave_bias(l_.hh.bias, bias_hh_);
    collect_active_rows();
    if (int8_) {
      // ONNX Runtime's range of x counts what lies behind the ends of sequences, up to the longest one's.
      dynamic_ranges(call_, aligned_ ? l_.x : inputs_, aligned_ ? longest_ * l_.batch : starts_[l_.time], l_.ih.k, l_.scheme, l_.reduce_range,
                     x_.scales, x_.zeros);
      for (size_t i = 0; i < l_.batch; i++) call_.kernels->finite_range(l_.h + i * l_.width, l_.width, low_ + i, high_ + i);
    }
    for (size_t done = 0; done < l_.time && !no_memory_; done += block_steps_) {
      const size_t steps = done + block_steps_ < l_.time ? block_steps_ : l_.time - done;
      const size_t first = goes_back() ? l_.time - done - steps : done;
      multiply_inputs(starts_[first], starts_[first + steps]);
      for (size_t i = 0; i < steps && !no_memory_; i++) step(goes_back() ? first + steps - 1 - i : first + i, starts_[first]);
    }
    return no_memory_ ? fail(Code::OutOfMemory, "[%s] no memory for a step", call_.op) : Status{};
  }

 private:
  void carve(Carver& to) {
    const size_t block_rows = block_steps_ * l_.batch, all_rows = l_.time * l_.batch, batch = l_.batch;
    starts_ = to.take<size_t>(l_.time + 1);
    items_ = to.take<size_t>(batch);
    gates_ = to.take<float>(block_rows * columns_);
    packed_ = to.take<float>(l_.lengths ? all_rows * l_.ih.k : 0);
    bias_ih_ = l_.ih.bias ? to.take<float>(columns_) : nullptr;
    bias_hh_ = l_.hh.bias ? to.take<float>(columns_) : nullptr;
    next_ = to.take<float>(l_.projection ? batch * (l_.hidden + l_.width) : 0);
    h_.floats = to.take<float>(int8_ ? 0 : batch * l_.width);
    if (!int8_) return;
    x_ = {nullptr, to.take<uint8_t>(block_rows * l_.ih.k), to.take<float>(all_rows), to.take<int32_t>(all_rows), to.take<int32_t>(block_rows)};
    h_ = {nullptr, to.take<uint8_t>(batch * l_.hh.k), to.take<float>(batch), to.take<int32_t>(batch), to.take<int32_t>(batch)};
    low_ = to.take<float>(batch);
    high_ = to.take<float>(batch);
    part_low_ = to.take<float>(batch * panel_count(l_.hidden));
    part_high_ = to.take<float>(batch * panel_count(l_.hidden));
  }

  void interleave_bias(const float* bias, float* to) const {
    if (bias == nullptr) return;
    memset(to, 0, columns_ * sizeof(float));
    for (size_t gate = 0; gate < l_.gates; gate++) {
      for (size_t unit = 0; unit < l_.hidden; unit++) {
        to[(unit / OCTAVO_PANEL * l_.gates + gate) * OCTAVO_PANEL + unit % OCTAVO_PANEL] = bias[gate * l_.hidden + unit];
      }
    }
  }

  bool is_active(size_t item, size_t t) const { return l_.lengths == nullptr || t < size_t(l_.lengths[item]); }

  // Aligned sequences that run backwards begin at their own ends, so that step s is their s-th from there; all others
  // go through the time itself.
  bool goes_back() const { return l_.reverse && !aligned_; }
  size_t time_of(size_t item, size_t s) const { return l_.reverse && aligned_ ? size_t(l_.lengths[item]) - 1 - s : s; }

  // x without the rows beyond their sequence's end, and where each step begins there.
  void collect_active_rows() {
    inputs_ = l_.lengths ? packed_ : l_.x;
    starts_[0] = 0;
    for (size_t t = 0; t < l_.time; t++) {
      size_t rows = starts_[t];
      for (size_t item = 0; item < l_.batch; item++) {
        if (!is_active(item, t)) continue;
        if (l_.lengths && l_.ih.k != 0) {
          memcpy(packed_ + rows * l_.ih.k, l_.x + (time_of(item, t) * l_.batch + item) * l_.ih.k, l_.ih.k * sizeof(float));
        }
        rows++;
        longest_ = t + 1;
      }
      starts_[t + 1] = rows;
    }
    if (l_.lengths) memset(l_.y, 0, l_.time * l_.batch * l_.width * sizeof(float));
  }

  // Panels of `columns` columns from `column` on, for some rows.
  void multiply(const RecurrentProduct& product, const float* bias, const Rows& rows, size_t from, size_t count, size_t column, size_t columns,
                float* out, size_t step) {
    if (!int8_) {
      const octavo_gemm_f32 block = {count, columns, product.k, rows.floats + from * product.k, product.k, product.panels + column * product.k,
                                     out, step, bias ? bias + column : nullptr, OCTAVO_ACT_NONE};
      call_.kernels->gemm_f32(&block);
      return;
    }
    const PackedWeight& weight = *product.packed;
    uint8_t* row_scratch = scratch(2, call_.kernels->gemm_u8s8_scratch(product.k));
    if (row_scratch == nullptr) {
      no_memory_ = true;
      return;
    }
    const octavo_gemm_u8s8 block = {count, columns, product.k, rows.codes + from * product.k, product.k, rows.scales + from, rows.zeros + from,
                                    weight.s8_panel(0, column),
                                    weight.scales.as<float>() + column, weight.sums.as<int32_t>() + column,
                                    weight.has_bias ? weight.bias.as<float>() + column : nullptr, out, step, OCTAVO_ACT_NONE, row_scratch,
                                    weight.has_zeros ? rows.sums + from : nullptr,
                                    weight.has_zeros ? weight.zeros.as<int32_t>() + column : nullptr,
                                    weight.splits.get(), weight.first_panel(0, column)};
    call_.kernels->gemm_u8s8(&block);
  }

  // Gates of the rows `from` to `to` of the inputs.
  void multiply_inputs(size_t from, size_t to) {
    const size_t k = l_.ih.k, count = to - from;
    Rows rows = {const_cast<float*>(inputs_) + from * k, x_.codes, int8_ ? x_.scales + from : nullptr, int8_ ? x_.zeros + from : nullptr, x_.sums};
    if (int8_) {
      for_row_chunks(call_, count, k, [&](size_t first, size_t end) {
        for (size_t r = first; r < end; r++) {
          quantize_row(call_.kernels, l_.scheme, inputs_ + (from + r) * k, k, rows.scales[r], rows.zeros[r], rows.codes + r * k);
        }
      });
      if (l_.ih.packed->has_zeros) row_sums(rows.codes, count, k, rows.sums);
    }
    for_gemm_blocks(call_, count, columns_, k, [&](size_t row, size_t height, size_t column, size_t columns) {
      multiply(l_.ih, bias_ih_, rows, row, height, column, columns, gates_ + row * columns_ + column, columns_);
    });
  }

  // The h of the rows that take part, side by side: as codes, or as a copy, because h is overwritten while others read it.
  void collect_hidden(size_t t, size_t count) {
    const size_t width = l_.width;
    float min = 0, max = 0;
    for (size_t item = 0; int8_ && l_.scheme != kPerRow && item < l_.batch; item++) {
      // ONNX Runtime's range counts what the step before has written, of sequences that end with it as well.
      if (aligned_ ? t > 0 && !is_active(item, t - 1) : !is_active(item, t)) continue;
      min = low_[item] < min ? low_[item] : min;
      max = high_[item] > max ? high_[item] : max;
    }
    QParams q = {1, 0};
    if (int8_ && l_.scheme != kPerRow) q = dynamic_qparams(min, max, l_.scheme, l_.reduce_range);
    for (size_t i = 0; i < count; i++) {
      const size_t item = items_[i];
      if (!int8_) {
        memcpy(h_.floats + i * width, l_.h + item * width, width * sizeof(float));
        continue;
      }
      if (l_.scheme == kPerRow) q = choose_qparams(low_[item], high_[item], l_.reduce_range);
      h_.scales[i] = q.scale, h_.zeros[i] = q.zero_point;
      quantize_row(call_.kernels, l_.scheme, l_.h + item * width, width, q.scale, q.zero_point, h_.codes + i * width);
    }
    if (int8_ && l_.hh.packed->has_zeros) row_sums(h_.codes, count, width, h_.sums);
  }

  // Blocks of 16 units for a task of so many rows: what keeps its gates near, and every thread busy.
  size_t blocks_per_task(size_t rows) const {
    const size_t blocks = panel_count(l_.hidden), gates = l_.gates * OCTAVO_PANEL, threads = call_.pool->threads();
    const size_t height = rows < OCTAVO_GEMM_ROWS ? rows : OCTAVO_GEMM_ROWS, strips = (rows + OCTAVO_GEMM_ROWS - 1) / OCTAVO_GEMM_ROWS;
    size_t each = kStepBytes / (height * gates * sizeof(float));
    if (threads > 1) {
      // As in `for_gemm_blocks`: a smaller task costs more to hand over than to do.
      const size_t least = 1 + (size_t(1) << 17) / (1 + height * l_.hh.k * gates);
      const size_t even = (blocks * strips + threads - 1) / threads;
      const size_t shared = even > least ? even : least;
      each = shared < each ? shared : each;
    }
    return each < 1 ? 1 : each < blocks ? each : blocks;
  }

  void step(size_t t, size_t block_start) {
    size_t count = 0;
    for (size_t item = 0; item < l_.batch; item++) {
      if (is_active(item, t)) items_[count++] = item;
    }
    if (count == 0) return;
    collect_hidden(t, count);
    const float* ih = gates_ + (starts_[t] - block_start) * columns_;
    const size_t blocks = panel_count(l_.hidden), each = blocks_per_task(count), parts = (blocks + each - 1) / each;
    const size_t strips = (count + OCTAVO_GEMM_ROWS - 1) / OCTAVO_GEMM_ROWS;
    call_.pool->parallel_for(strips * parts, [&](size_t task) {
      const size_t row = task / parts * OCTAVO_GEMM_ROWS, part = task % parts;
      const size_t end = part * each + each < blocks ? part * each + each : blocks;
      run_task(ih, row, count - row < OCTAVO_GEMM_ROWS ? count - row : OCTAVO_GEMM_ROWS, part, part * each, end);
    });
    if (no_memory_) return;
    if (l_.projection) project(count);
    for (size_t i = 0; i < count; i++) {
      const size_t item = items_[i];
      memcpy(l_.y + (time_of(item, t) * l_.batch + item) * l_.width, l_.h + item * l_.width, l_.width * sizeof(float));
      if (!int8_) continue;
      low_[item] = high_[item] = 0;
      for (size_t part = 0; part < parts; part++) {
        const float low = part_low_[part * l_.batch + i], high = part_high_[part * l_.batch + i];
        low_[item] = low < low_[item] ? low : low_[item];
        high_[item] = high > high_[item] ? high : high_[item];
      }
    }
  }

  // Rows `row` on, units of the blocks `from` to `to`: h's product, then the states.
  void run_task(const float* ih, size_t row, size_t rows, size_t part, size_t from, size_t to) {
    const size_t column = from * l_.gates * OCTAVO_PANEL, columns = (to - from) * l_.gates * OCTAVO_PANEL, unit = from * OCTAVO_PANEL;
    const size_t units = (to * OCTAVO_PANEL < l_.hidden ? to * OCTAVO_PANEL : l_.hidden) - unit;
    float* hh = reinterpret_cast<float*>(scratch(3, rows * columns * sizeof(float)));
    if (hh == nullptr) {
      no_memory_ = true;
      return;
    }
    multiply(l_.hh, bias_hh_, h_, row, rows, column, columns, hh, columns);
    if (no_memory_) return;
    for (size_t r = row; r < row + rows; r++) {
      const size_t item = items_[r];
      octavo_recurrent_step one = {l_.cell, units, ih + r * columns_ + column, hh + (r - row) * columns,
                                   l_.c ? l_.c + item * l_.hidden + unit : nullptr,
                                   l_.projection ? next_ + r * l_.hidden + unit : l_.h + item * l_.width + unit, 0, 0};
      call_.kernels->recurrent_step(&one);
      if (int8_) part_low_[part * l_.batch + r] = one.low, part_high_[part * l_.batch + r] = one.high;
    }
  }

  // h [width] = weight_hr h [hidden]: narrow, and after all units of the step.
  void project(size_t count) {
    float* projected = next_ + l_.batch * l_.hidden;
    for_gemm_blocks(call_, count, l_.width, l_.hidden, [&](size_t row, size_t rows, size_t column, size_t columns) {
      const octavo_gemm_f32 block = {rows, columns, l_.hidden, next_ + row * l_.hidden, l_.hidden, l_.projection + column * l_.hidden,
                                     projected + row * l_.width + column, l_.width, nullptr, OCTAVO_ACT_NONE};
      call_.kernels->gemm_f32(&block);
    });
    for (size_t i = 0; i < count; i++) memcpy(l_.h + items_[i] * l_.width, projected + i * l_.width, l_.width * sizeof(float));
  }

  const Call& call_;
  const RecurrentLayer& l_;
  const size_t columns_;  // of the gates, padded
  const bool int8_;
  const bool aligned_;  // ONNX Runtime's way with sequences of their own lengths
  size_t block_steps_;
  std::atomic<bool> no_memory_{false};
  size_t *starts_ = nullptr, *items_ = nullptr;  // rows before each time step; the rows of the step that runs
  const float* inputs_ = nullptr;
  size_t longest_ = 0;  // steps of the longest sequence
  float *packed_ = nullptr, *gates_ = nullptr, *bias_ih_ = nullptr, *bias_hh_ = nullptr, *next_ = nullptr;
  Rows x_ = {}, h_ = {};
  // Ranges of h: of each item, and of each row that a task just finished a part of.
  float *low_ = nullptr, *high_ = nullptr, *part_low_ = nullptr, *part_high_ = nullptr;
};

}  // namespace

Status run_recurrent_layer(const Call& call, const RecurrentLayer& layer) {
  if (layer.batch == 0 || layer.hidden == 0 || layer.time == 0) return {};
  return Run(call, layer)();
}

}  // namespace octavo
