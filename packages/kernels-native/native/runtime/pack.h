// Weights in the panel layouts of `octavo_kernels.h`, packed once per model.
#pragma once
#include <memory>

#include "../include/octavo_kernels.h"
#include "buffer.h"
#include "status.h"

namespace octavo {

// Floats between element (k, n) and its neighbours: a [n][k] weight has n_step = k, k_step = 1.
struct MatrixSteps {
  size_t k_step, n_step;
};

inline size_t panel_count(size_t n) { return (n + OCTAVO_PANEL - 1) / OCTAVO_PANEL; }
inline size_t f32_panel_floats(size_t n, size_t k) { return panel_count(n) * k * OCTAVO_PANEL; }

// Writes panels [n / 16][k][16] of float B; `out` holds f32_panel_floats(n, k).
void pack_f32(const float* b, MatrixSteps steps, size_t n, size_t k, float* out);

// A packed weight: float panels, or int8 panels with what the epilogue needs of each column.
struct PackedWeight {
  enum Kind { kFloat, kInt8 } kind;
  size_t n, k;
  const octavo_kernels* kernels;  // whose int8 layout this is
  Buffer panels;
  Buffer scales, sums, zeros, bias;  // int8 only, padded to whole panels; zeros and bias may be empty
  bool has_bias = false, has_zeros = false;
  size_t panel_stride = 0;  // elements from one panel to the next
  size_t bytes() const { return panels.bytes() + scales.bytes() + sums.bytes() + zeros.bytes() + bias.bytes(); }
};

Status pack_linear_f32(const float* weight, size_t n, size_t k, std::shared_ptr<PackedWeight>* out);

// weight: int8 [n][k]; scales and zero points: `channels` of them, 1 or n; bias: n floats or nullptr.
Status pack_linear_s8(const octavo_kernels* kernels, const int8_t* weight, size_t n, size_t k, const float* scales,
                      const int32_t* zeros, size_t channels, const float* bias, std::shared_ptr<PackedWeight>* out);

}  // namespace octavo
