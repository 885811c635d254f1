#include <math.h>
#include <string.h>

#include <atomic>

#include "../include/octavo_code_kernels.h"
#include "../runtime/choose_qparams.h"
#include "attention.h"
#include "ops.h"

namespace octavo {
namespace {

// A key whose mask is at most this for every query is padding.
constexpr float kMasked = -1000.0f;

// `codeScale` of core for the largest finite magnitude.
float code_scale(float largest, float steps) {
  const float scale = largest / steps;
  return scale > 0 && isfinite(1.0f / scale) ? scale : 1.0f;
}

// Signed codes clamp(rint(x * inverse), -127, 127); NaN is 0.
octavo_to_codes symmetric(float inverse) { return {inverse, 128, 1, 255, 0x80}; }

// Arrays one behind the other in a buffer, each on a cache line; over no buffer it adds up their bytes.
class Carver {
 public:
  explicit Carver(uint8_t* base) : base_(base) {}
  template <class T> T* take(size_t count) {
    T* at = base_ == nullptr ? nullptr : reinterpret_cast<T*>(base_ + bytes_);
    bytes_ += (count * sizeof(T) + 63) / 64 * 64;
    return at;
  }
  size_t bytes() const { return bytes_; }

 private:
  uint8_t* base_;
  size_t bytes_ = 0;
};

// A head's keys and values as panels of codes, and the rows that are at work.
struct Head {
  int8_t *key_panels, *value_panels, *codes;
  float *key_scales, *value_scales, *inverses;
  int32_t *key_sums, *value_sums;
  int32_t *column_zeros, *row_sums;  // of tables whose panels hold codes + 128
  bool* used;
  float* scores;
  uint8_t* row_codes;  // of queries, then of probabilities
  float* row_scales;
  int32_t* row_zeros;

  Head(const octavo_kernels* kernels, const AttentionShape& s, Carver* carver) {
    const size_t keys = panel_count(s.keys) * OCTAVO_PANEL, values = panel_count(s.d) * OCTAVO_PANEL;
    key_panels = carver->take<int8_t>(s8_panel_bytes(kernels, s.keys, s.d));
    value_panels = carver->take<int8_t>(s8_panel_bytes(kernels, s.d, s.keys));
    codes = carver->take<int8_t>(s.keys * s.d);
    key_scales = carver->take<float>(keys), value_scales = carver->take<float>(values), inverses = carver->take<float>(values);
    key_sums = carver->take<int32_t>(keys), value_sums = carver->take<int32_t>(values);
    column_zeros = carver->take<int32_t>(keys > values ? keys : values), row_sums = carver->take<int32_t>(OCTAVO_GEMM_ROWS);
    used = carver->take<bool>(s.keys);
    scores = carver->take<float>(OCTAVO_GEMM_ROWS * s.keys > s.d ? OCTAVO_GEMM_ROWS * s.keys : s.d);
    row_codes = carver->take<uint8_t>(OCTAVO_GEMM_ROWS * (s.keys > s.d ? s.keys : s.d));
    row_scales = carver->take<float>(OCTAVO_GEMM_ROWS), row_zeros = carver->take<int32_t>(OCTAVO_GEMM_ROWS);
  }

  // k: the head's slice of the first key. A scale for each key.
  void pack_keys(const octavo_kernels* kernels, const AttentionShape& s, const float* k) {
    memset(key_scales, 0, panel_count(s.keys) * OCTAVO_PANEL * sizeof(float));
    for (size_t j = 0; j < s.keys; j++) {
      const float* row = k + j * s.heads * s.d;
      float min, max;
      kernels->finite_range(row, s.d, &min, &max);
      key_scales[j] = code_scale(max > -min ? max : -min, 127.0f);
      const octavo_to_codes to = symmetric(1.0f / key_scales[j]);
      kernels->codes->quantize(row, &to, reinterpret_cast<uint8_t*>(codes + j * s.d), s.d);
    }
    pack_s8_panels(kernels, {codes, s.keys, s.d, s.d, 1}, key_panels, key_sums);
  }

  // v: the head's slice of the first value. A scale for each channel, over the keys that some query sees.
  void pack_values(const octavo_kernels* kernels, const AttentionShape& s, const float* v, size_t item, size_t head) {
    for (size_t j = 0; j < s.keys; j++) used[j] = s.mask == nullptr;
    for (size_t i = 0; s.mask != nullptr && i < (s.mask_steps[2] == 0 ? 1 : s.queries); i++) {
      const float* mask = s.mask_row(item, head, i);
      for (size_t j = 0; j < s.keys; j++) used[j] = used[j] || mask[j * s.mask_steps[3]] > kMasked;
    }
    const size_t width = s.heads * s.d, padded = panel_count(s.d) * OCTAVO_PANEL;
    // Magnitudes compare as their bits do, which takes no float comparison; those of infinities and NaN do not count.
    int32_t* largest = value_sums;
    memset(largest, 0, padded * sizeof(int32_t));
    for (size_t j = 0; j < s.keys; j++) {
      if (!used[j]) continue;
      const float* row = v + j * width;
      for (size_t c = 0; c < s.d; c++) {
        int32_t bits;
        memcpy(&bits, row + c, sizeof(bits));
        bits &= INT32_MAX;
        bits = bits < 0x7f800000 ? bits : 0;
        largest[c] = bits > largest[c] ? bits : largest[c];
      }
    }
    for (size_t c = 0; c < padded; c++) {
      float magnitude;
      memcpy(&magnitude, largest + c, sizeof(magnitude));
      value_scales[c] = code_scale(magnitude, 127.0f);
      inverses[c] = 1.0f / value_scales[c];
    }
    const octavo_to_codes to = symmetric(1.0f);
    for (size_t j = 0; j < s.keys; j++) {
      kernels->binary(OCTAVO_BINARY_MUL, v + j * width, 1, inverses, 1, scores, s.d);
      kernels->codes->quantize(scores, &to, reinterpret_cast<uint8_t*>(codes + j * s.d), s.d);
    }
    pack_s8_panels(kernels, {codes, s.d, s.keys, 1, s.d}, value_panels, value_sums);
  }
};

// The rows of codes by a head's keys or values.
void multiply(const octavo_kernels* kernels, const Head& head, octavo_gemm_u8s8 gemm) {
  if (kernels->u8s8_flip != 0) {
    for (size_t j = 0; j < panel_count(gemm.n) * OCTAVO_PANEL; j++) head.column_zeros[j] = kernels->u8s8_flip;
    for (size_t r = 0; r < gemm.m; r++) {
      head.row_sums[r] = 0;
      for (size_t i = 0; i < gemm.k; i++) head.row_sums[r] += gemm.a[r * gemm.lda + i];
    }
    gemm.a_sums = head.row_sums, gemm.b_zeros = head.column_zeros;
  }
  kernels->gemm_u8s8(&gemm);
}

}  // namespace

// As `attention`, both products over codes: queries uint8 by keys int8, probabilities uint8 by values int8.
Status attention_int8(Call& call) {
  AttentionShape s;
  OCTAVO_TRY(expect_attention(call, &s));
  const View &q = call.inputs[0], &k = call.inputs[1], &v = call.inputs[2];
  if (call.outputs[0].size() == 0) return {};
  const octavo_kernels* kernels = call.kernels;
  const float scale = call.attr_float(1);
  const size_t width = s.heads * s.d, gemm_bytes = kernels->gemm_u8s8_scratch(s.keys > s.d ? s.keys : s.d);
  Carver sizes(nullptr);
  Head measured(kernels, s, &sizes);
  std::atomic<bool> no_memory{false};
  call.pool->parallel_for(s.batch * s.heads, [&](size_t task) {
    const size_t item = task / s.heads, column = task % s.heads * s.d;
    uint8_t *memory = scratch(0, sizes.bytes()), *gemm_scratch = scratch(2, gemm_bytes);
    if (memory == nullptr || gemm_scratch == nullptr) {
      no_memory = true;
      return;
    }
    Carver carver(memory);
    Head head(kernels, s, &carver);
    head.pack_keys(kernels, s, k.floats() + item * s.keys * width + column);
    head.pack_values(kernels, s, v.floats() + item * s.keys * width + column, item, task % s.heads);
    for (size_t row = 0; row < s.queries; row += OCTAVO_GEMM_ROWS) {
      const size_t rows = s.queries - row < OCTAVO_GEMM_ROWS ? s.queries - row : OCTAVO_GEMM_ROWS;
      const size_t own = (item * s.queries + row) * width + column;
      for (size_t r = 0; r < rows; r++) {
        const float* query = q.floats() + own + r * width;
        float min, max;
        kernels->finite_range(query, s.d, &min, &max);
        const QParams range = choose_qparams(min, max, false);
        head.row_scales[r] = range.scale, head.row_zeros[r] = range.zero_point;
        kernels->quantize_fma(query, s.d, 1.0f / range.scale, float(range.zero_point), head.row_codes + r * s.d);
      }
      octavo_gemm_u8s8 gemm = {};
      gemm.m = rows, gemm.n = s.keys, gemm.k = s.d;
      gemm.a = head.row_codes, gemm.lda = s.d, gemm.a_scales = head.row_scales, gemm.a_zeros = head.row_zeros;
      gemm.b = head.key_panels, gemm.b_scales = head.key_scales, gemm.b_sums = head.key_sums;
      gemm.c = head.scores, gemm.ldc = s.keys, gemm.activation = OCTAVO_ACT_NONE, gemm.scratch = gemm_scratch;
      multiply(kernels, head, gemm);
      for (size_t r = 0; r < rows; r++) {
        float* scores = head.scores + r * s.keys;
        kernels->softmax(scores, s.keys, scale, s.mask_row(item, task % s.heads, row + r), s.mask_steps[3]);
        float min, max;
        kernels->finite_range(scores, s.keys, &min, &max);
        head.row_scales[r] = code_scale(max, 255.0f), head.row_zeros[r] = 0;
        kernels->quantize_fma(scores, s.keys, 1.0f / head.row_scales[r], 0.0f, head.row_codes + r * s.keys);
      }
      gemm.n = s.d, gemm.k = s.keys, gemm.lda = s.keys;
      gemm.b = head.value_panels, gemm.b_scales = head.value_scales, gemm.b_sums = head.value_sums;
      gemm.c = call.outputs[0].floats() + own, gemm.ldc = width;
      multiply(kernels, head, gemm);
    }
  });
  return no_memory ? fail(Code::OutOfMemory, "[%s] no memory for a head", call.op) : Status{};
}

}  // namespace octavo
