// Weights in the panel layouts of `octavo_kernels.h`, packed once per model.
#pragma once
#include <memory>

#include "../include/octavo_kernels.h"
#include "buffer.h"
#include "conv_geometry.h"
#include "status.h"
#include "weight_splits.h"

namespace octavo {

// Floats between element (k, n) and its neighbours: a [n][k] weight has n_step = k, k_step = 1.
struct MatrixSteps {
  size_t k_step, n_step;
};

inline size_t panel_count(size_t n) { return (n + OCTAVO_PANEL - 1) / OCTAVO_PANEL; }
// Panels of the weights of `gates` gates, n rows together: each gate has whole panels, side by side for the same 16 units.
inline size_t panel_count(size_t n, size_t gates) { return gates * panel_count(n / gates); }
inline size_t f32_panel_floats(size_t n, size_t k) { return panel_count(n) * k * OCTAVO_PANEL; }

// Writes panels [n / 16][k][16] of float B; `out` holds f32_panel_floats(n, k).
void pack_f32(const float* b, MatrixSteps steps, size_t n, size_t k, float* out);

// A packed weight: float panels; codes of 8 or 4 bits as `octavo_gemm_f32_codes` has them, with scales and zero points for
// groups of k; int8 panels with what the epilogue needs of each column; or the int16 weights of a
// depthwise convolution (`octavo_depthwise_u8s8`) with the same. A convolution has panels for each group.
struct PackedWeight {
  enum Kind { kFloat, kInt8, kDepthwise, kFloatConv, kGrouped } kind;
  size_t n, k;  // of one group; of all channels where depthwise
  size_t groups = 1;
  const octavo_kernels* kernels;  // whose int8 layout this is
  Buffer panels;
  Buffer scales, sums, zeros, bias;  // not of floats; each group padded to whole panels; zeros and bias may be empty
  bool has_bias = false, has_zeros = false;
  bool per_channel = true;  // scales were given for each channel, not one for all
  size_t panel_stride = 0;  // elements from one panel to the next
  size_t gates = 1;         // of a recurrent layer's weight: panels are [units / 16][gates]
  ConvGeometry geometry;    // of an int8 convolution; a float one has it in its attributes
  size_t bits = 8, group_size = 0, k_groups = 0;  // of codes in groups
  bool prescalable = true;
  std::unique_ptr<WeightSplits> splits;  // of int8 panels where the kernels want them
  int rank = 0;             // and dims of a float weight, as its op takes it
  int64_t dims[2 + kSpatialAxes] = {};

  // For GEMMs over the panels of a group from `column` on.
  const int8_t* s8_panel(size_t group, size_t column) const { return panels.as<int8_t>() + first_panel(group, column) * panel_stride; }
  size_t first_panel(size_t group, size_t column) const { return group * panel_count(n, gates) + column / OCTAVO_PANEL; }

  size_t padded_n() const { return panel_count(n, gates) * OCTAVO_PANEL; }
  size_t group_stride() const { return panel_count(n, gates) * panel_stride; }
  size_t own_bytes() const { return panels.own_bytes() + scales.bytes() + sums.bytes() + zeros.bytes() + bias.bytes(); }
};

// The same of the stacked weights of a recurrent layer, [gates][n / gates][k], as panels [units / 16][gates][k][16].
void pack_gates_f32(const float* b, size_t gates, size_t n, size_t k, float* out);

// `gates` divide n. in_place: panels may take the place of the weight, and do where `packs_in_place`.
Status pack_linear_f32(float* weight, size_t n, size_t k, size_t gates, bool in_place, std::shared_ptr<PackedWeight>* out);

// A float convolution's weight: [groups][n][channels][taps], or transposed [groups][channels][n][taps], of the dims in
// `dims`. Panels of each group with k = taps, then channels; of a depthwise one [groups / 16][taps][16].
struct FloatConvWeight {
  const float* values;
  int rank;
  int64_t dims[2 + kSpatialAxes];
  size_t groups;
  bool transposed;

  size_t taps() const { size_t n = 1; for (int i = 2; i < rank; i++) n *= size_t(dims[i]); return n; }
  size_t n() const { return transposed ? size_t(dims[1]) : size_t(dims[0]) / groups; }
  size_t channels() const { return transposed ? size_t(dims[0]) / groups : size_t(dims[1]); }
  bool depthwise() const { return n() == 1 && channels() == 1; }
  size_t panel_floats() const {
    return depthwise() ? f32_panel_floats(groups, taps()) : groups * f32_panel_floats(n(), taps() * channels());
  }
};

void pack_conv_f32(const FloatConvWeight& weight, float* out);
Status pack_conv_f32(const FloatConvWeight& weight, std::shared_ptr<PackedWeight>* out);

// An int8 weight as a model holds it: [groups][n][channels][taps], or transposed [groups][channels][n][taps].
// scales and zeros: one a column (groups * n) where `per_channel`, else one. bias: one a column, or nullptr.
struct Int8Weight {
  const int8_t* codes;
  size_t groups, n, channels, taps;
  const float* scales;
  const int32_t* zeros;
  bool per_channel;
  const float* bias;
  size_t gates = 1;  // of a recurrent layer, which divide n: see `PackedWeight`
  int8_t* place = nullptr;  // of a linear: the codes, where panels may take their place, and do where `packs_in_place`
};

// Panels of n columns and k = taps * channels for each group, taps outside; k order = taps, then channels.
Status pack_s8(const octavo_kernels* kernels, const Int8Weight& weight, const ConvGeometry& geometry, std::shared_ptr<PackedWeight>* out);

// Panels of a matrix B of int8 codes [k][n] that lives for one call, n_step and k_step codes between neighbours; all of
// `panels` is written, s8_panel_bytes; they hold codes as the kernels want them (`u8s8_flip`). sums: those of the codes of each
// column, padded to whole panels, or nullptr.
struct CodeMatrix {
  const int8_t* codes;
  size_t n, k, n_step, k_step;
};
size_t s8_panel_bytes(const octavo_kernels* kernels, size_t n, size_t k);
void pack_s8_panels(const octavo_kernels* kernels, const CodeMatrix& b, int8_t* panels, int32_t* sums);

// A weight of codes in groups, as `octavo::linear_weight_only` takes it: codes [n][k * bits / 8], below 8 bits two in a byte,
// the first in the lower half; scales and zeros [n][groups].
struct GroupedWeight {
  const uint8_t* codes;
  const float* scales;
  const uint8_t* zeros;
  size_t n, k, bits, group_size;

  size_t groups() const { return (k + group_size - 1) / group_size; }
};

Status pack_grouped(const GroupedWeight& weight, std::shared_ptr<PackedWeight>* out);

}  // namespace octavo
