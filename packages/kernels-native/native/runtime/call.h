// One op call as native code sees it: operands as views, attributes as doubles in the op table's order.
#pragma once
#include <stdint.h>

#include <atomic>
#include <memory>
#include <vector>

#include "../include/octavo_kernels.h"
#include "buffer.h"
#include "pack.h"
#include "status.h"
#include "threads.h"

namespace octavo {

// Codes of core's DTYPES.
enum class DType : int { Float32 = 0, Float16, Int8, Uint8, Int32, Int64, Bool, Count };

inline size_t dtype_bytes(DType dtype) {
  constexpr size_t bytes[] = {4, 2, 1, 1, 4, 8, 1};
  return bytes[static_cast<int>(dtype)];
}

constexpr int kMaxRank = 8;

// Whether tensors of a rank are images [batch, channels, ...spatial], which may lie channels-last.
inline bool has_channels(int rank) { return rank >= 3 && rank <= 5; }

struct View {
  bool present = false;  // false: an optional operand that was left out
  DType dtype = DType::Float32;
  int rank = 0;
  int64_t dims[kMaxRank] = {};
  bool channels_last = false;  // rank 3 to 5: data lies [batch, ...spatial, channels]; dims stay [batch, channels, ...spatial]
  uint8_t* data = nullptr;
  std::shared_ptr<PackedWeight> packed;  // instead of data, or beside it for a constant float weight

  size_t size() const {
    size_t n = 1;
    for (int i = 0; i < rank; i++) n *= static_cast<size_t>(dims[i]);
    return n;
  }
  size_t bytes() const { return size() * dtype_bytes(dtype); }
  size_t dim(int i) const { return static_cast<size_t>(dims[i < 0 ? rank + i : i]); }
  // Elements of the last dimension, and how many rows of it there are.
  size_t columns() const { return rank == 0 ? 1 : dim(-1); }
  size_t rows() const { return columns() == 0 ? 0 : size() / columns(); }
  float* floats() const { return reinterpret_cast<float*>(data); }
  template <class T> T* as() const { return reinterpret_cast<T*>(data); }
};

struct Call {
  const char* op;  // for messages
  const View* inputs;
  size_t input_count;
  View* outputs;
  size_t output_count;
  const double* attrs;
  size_t attr_count;
  const octavo_kernels* kernels;
  ThreadPool* pool;

  int64_t attr_int(size_t i) const { return i < attr_count ? static_cast<int64_t>(attrs[i]) : 0; }
  float attr_float(size_t i) const { return i < attr_count ? static_cast<float>(attrs[i]) : 0.0f; }
  const View* optional(size_t i) const { return i < input_count && inputs[i].present ? &inputs[i] : nullptr; }
};

// Checks that ops share.
Status expect_operands(const Call& call, size_t min_inputs, size_t max_inputs, size_t outputs);
Status expect_tensor(const Call& call, const char* name, const View& view, DType dtype);
Status expect_dims(const Call& call, const char* name, const View& view, std::initializer_list<size_t> dims);
Status expect_size(const Call& call, const char* name, const View& view, size_t size);
Status expect_same_dims(const Call& call, const char* name, const View& a, const View& b);
// int8 weights of a linear, or of the gates of a recurrent layer, packed for the kernels of this call.
Status expect_packed_linear(const Call& call, const View& view, size_t gates = 1);

// Element steps of an operand over the dimensions of `out`: 0 along those it repeats. False where it cannot be broadcast.
bool broadcast_steps(const View& view, const View& out, size_t* steps);

// Per-thread scratch that only grows; `slot` tells apart buffers that one op needs at once.
constexpr int kScratchSlots = 4;
uint8_t* scratch(int slot, size_t bytes);

// A loop over rows in chunks big enough to be worth a thread.
template <class Fn> void for_row_chunks(const Call& call, size_t rows, size_t work_per_row, Fn run) {
  constexpr size_t kMinimumWork = 1 << 14;
  const size_t enough = work_per_row == 0 ? rows : (kMinimumWork + work_per_row - 1) / work_per_row;
  const size_t even = (rows + call.pool->threads() * 4 - 1) / (call.pool->threads() * 4);
  const size_t chunk = enough > even ? enough : even;
  if (chunk == 0) return;
  call.pool->parallel_for((rows + chunk - 1) / chunk, [&](size_t i) {
    const size_t from = i * chunk;
    run(from, from + chunk < rows ? from + chunk : rows);
  });
}

}  // namespace octavo
