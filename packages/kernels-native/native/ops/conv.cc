#include <atomic>

#include "conv_rows.h"
#include "depthwise_blocks.h"
#include "gemm_blocks.h"
#include "ops.h"

namespace octavo {
namespace {

// Below this many channels a pixel is too short a run to be copied by itself.
constexpr size_t kShortRun = 16;

struct Conv {
  const Call& call;
  const FloatConvWeight& weight;
  const ConvGeometry& geometry;
  const ConvSizes& sizes;
  const PixelRows<float>& pixels;
  const float* panels;
  const float* bias;
  octavo_activation activation;
  const float *alpha, *beta;
  const float* x;
  float* y;
};

// The numbers of a list of attributes, one for each of `count` axes.
class AttrLists {
 public:
  explicit AttrLists(const Call& call) : call_(call) {}
  // Small enough that no product of two of them overflows 64 bits.
  size_t number(double least) {
    const double value = at_ < call_.attr_count ? call_.attrs[at_] : -1;
    at_++;
    if (!(value >= least && value <= 0x7fffffff)) ok_ = false;
    return ok_ ? size_t(value) : 0;
  }
  void list(int rank, int repeats, double least, ConvAxis* axes, size_t ConvAxis::*first, size_t ConvAxis::*second) {
    const size_t count = number(0);
    // One list for both sides of each axis, or the begins and then the ends.
    if (count != size_t(rank) && count != size_t(rank * repeats)) ok_ = false;
    for (int i = 0; ok_ && i < rank; i++) axes[i].*first = axes[i].*second = number(least);
    for (int i = 0; ok_ && count > size_t(rank) && i < rank; i++) axes[i].*second = number(least);
  }
  bool ok() const { return ok_; }

 private:
  const Call& call_;
  size_t at_ = 0;
  bool ok_ = true;
};

// attrs: stride, padding, dilation, groups; then activation, or of a transposed one output padding.
Status read_conv_attrs(const Call& call, FloatConvWeight* weight, ConvGeometry* geometry, octavo_activation* activation) {
  const int rank = weight->rank - 2;
  ConvAxis* axes = geometry->axes + kSpatialAxes - rank;
  geometry->rank = rank;
  AttrLists lists(call);
  lists.list(rank, 1, 1, axes, &ConvAxis::stride, &ConvAxis::stride);
  lists.list(rank, 2, 0, axes, &ConvAxis::begin, &ConvAxis::end);
  lists.list(rank, 1, 1, axes, &ConvAxis::dilation, &ConvAxis::dilation);
  weight->groups = lists.number(1);
  if (geometry->transposed) lists.list(rank, 1, 0, axes, &ConvAxis::output_padding, &ConvAxis::output_padding);
  const size_t code = geometry->transposed ? 0 : lists.number(0);
  for (int i = 0; i < rank; i++) axes[i].kernel = size_t(weight->dims[2 + i]);
  *activation = static_cast<octavo_activation>(code);
  if (!lists.ok() || code > OCTAVO_ACT_GELU_TANH || size_t(weight->dims[0]) % weight->groups != 0) {
    return fail(Code::InvalidArgument, "[%s] stride, padding, dilation, groups or activation do not fit a weight of %d axes", call.op, rank);
  }
  return {};
}

void gather(const float* const* runs, size_t rows, size_t count, size_t run, size_t offset, float* out) {
  for (size_t i = 0; i < rows * count; i++, out += run) memcpy(out, runs[i] + offset, run * sizeof(float));
}

// Each group's columns over the rows of a block: one GEMM for each, which read their channels of the same pixels.
Status multiply(const Conv& conv) {
  const ConvGeometry& geometry = conv.geometry;
  const size_t groups = conv.weight.groups, n = conv.weight.n(), group_channels = conv.weight.channels();
  const size_t taps = geometry.taps(), k = taps * group_channels, channels = conv.sizes.in_channels;
  const bool in_place = geometry.in_place();
  const bool by_runs = !in_place && groups == 1 && channels < kShortRun && conv.pixels.has_runs();
  std::atomic<bool> no_memory{false};

  const auto run_block = [&](size_t row, size_t rows, size_t column, size_t columns) {
    const float** pixels = nullptr;
    float* gathered = nullptr;
    if (!in_place) {
      gathered = reinterpret_cast<float*>(scratch(2, rows * k * sizeof(float)));
      pixels = by_runs ? nullptr : reinterpret_cast<const float**>(scratch(1, rows * taps * sizeof(void*)));
      if (gathered == nullptr || (pixels == nullptr && !by_runs)) {
        no_memory = true;
        return;
      }
      if (by_runs) conv.pixels.collect(row, rows, gathered, k);
      else conv.pixels.pixels(row, rows, pixels);
    }
    for (size_t group = 0; group < groups; group++) {
      if (pixels != nullptr) gather(pixels, rows, taps, group_channels, group * group_channels, gathered);
      const size_t first = group * n + column;
      const octavo_gemm_f32 block = {rows, columns, k,
                                     in_place ? conv.x + row * channels + group * group_channels : gathered, in_place ? channels : k,
                                     conv.panels + group * f32_panel_floats(n, k) + column * k,
                                     conv.y + row * conv.sizes.out_channels + first, conv.sizes.out_channels,
                                     conv.bias ? conv.bias + first : nullptr, conv.activation,
                                     conv.alpha ? conv.alpha + first : nullptr, conv.beta ? conv.beta + first : nullptr};
      conv.call.kernels->gemm_f32(&block);
    }
  };
  if (groups == 1) {
    for_gemm_blocks(conv.call, conv.sizes.rows(), n, k, run_block);
  } else {
    for_row_blocks(conv.call, conv.sizes.rows(), OCTAVO_GEMM_ROWS, [&](size_t row, size_t rows) { run_block(row, rows, 0, n); });
  }
  return no_memory ? fail(Code::OutOfMemory, "[%s] no memory for a block of rows", conv.call.op) : Status{};
}

Status depthwise(const Conv& conv) {
  const size_t channels = conv.sizes.in_channels;
  return for_depthwise_blocks<float>(conv.call, conv.geometry, conv.sizes, conv.pixels,
                                     [&](const octavo_taps& at, const float* const* pixels, size_t position) {
    const octavo_depthwise_f32 block = {at, channels, pixels, conv.panels, conv.bias, conv.y + position * channels, channels,
                                        conv.activation, conv.alpha, conv.beta};
    conv.call.kernels->depthwise_f32(&block);
  });
}

// normed: whether alpha and beta are the operands behind the bias.
Status run_conv(Call& call, bool transposed, bool normed) {
  OCTAVO_TRY(expect_operands(call, normed ? 5 : 2, normed ? 5 : 3, 1));
  const View &x = call.inputs[0], &w = call.inputs[1], &y = call.outputs[0];
  const View* bias = call.optional(2);
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "y", y, DType::Float32));
  if (!w.packed) OCTAVO_TRY(expect_tensor(call, "weight", w, DType::Float32));
  if (w.rank < 3 || w.rank > 2 + kSpatialAxes || w.size() == 0 || (!w.packed && w.channels_last)) {
    return fail(Code::InvalidShape, "[%s] weight must have 1, 2 or 3 kernel axes, no dim of 0, and lie in their order", call.op);
  }
  FloatConvWeight weight = {w.floats(), w.rank, {}, 1, transposed};
  for (int i = 0; i < w.rank; i++) weight.dims[i] = w.dims[i];
  ConvGeometry geometry;
  geometry.transposed = transposed;
  octavo_activation activation;
  OCTAVO_TRY(read_conv_attrs(call, &weight, &geometry, &activation));
  ConvSizes sizes;
  OCTAVO_TRY(read_conv_sizes(call, geometry, weight.groups * weight.channels(), weight.groups * weight.n(), &sizes));
  if (bias) {
    OCTAVO_TRY(expect_tensor(call, "bias", *bias, DType::Float32));
    OCTAVO_TRY(expect_size(call, "bias", *bias, sizes.out_channels));
  }
  for (size_t i = 3; normed && i < 5; i++) {
    OCTAVO_TRY(expect_tensor(call, i == 3 ? "alpha" : "beta", call.inputs[i], DType::Float32));
    OCTAVO_TRY(expect_size(call, i == 3 ? "alpha" : "beta", call.inputs[i], sizes.out_channels));
  }
  if (w.packed && (w.packed->kind != PackedWeight::kFloatConv || w.packed->groups != weight.groups || w.packed->geometry.transposed != transposed)) {
    return fail(Code::InvalidArgument, "[%s] the packed weight is of another op or number of groups", call.op);
  }
  if (y.size() == 0) return {};

  // One position or one channel lies the same way in both layouts.
  const bool turn_x = !x.channels_last && sizes.in_channels != 1 && sizes.in_positions() != 1;
  const bool turn_y = !y.channels_last && sizes.out_channels != 1 && sizes.out_positions() != 1;
  const auto aligned = [](size_t floats) { return (floats + 15) & ~size_t(15); };
  const size_t panel_floats = w.packed ? 0 : aligned(weight.panel_floats()), padding_floats = aligned(sizes.in_channels);
  const size_t x_floats = turn_x ? aligned(x.size()) : 0;
  float* memory = reinterpret_cast<float*>(
      scratch(0, (panel_floats + padding_floats + x_floats + (turn_y ? y.size() : 0)) * sizeof(float)));
  if (memory == nullptr) return fail(Code::OutOfMemory, "[%s] no memory to pack the weight or to transpose", call.op);
  float* padding = memory + panel_floats;
  float* turned_x = padding + padding_floats;
  float* turned_y = turned_x + x_floats;
  memset(padding, 0, sizes.in_channels * sizeof(float));
  if (!w.packed) pack_conv_f32(weight, memory);
  if (turn_x) transpose_all(call, x.floats(), sizes.batch, sizes.in_channels, sizes.in_positions(), turned_x);

  const float* from = turn_x ? turned_x : x.floats();
  float* to = turn_y ? turned_y : y.floats();
  const PixelRows<float> pixels(geometry, sizes, from, padding);
  const Conv conv = {call, weight, geometry, sizes, pixels, w.packed ? w.packed->panels.as<float>() : memory,
                     bias ? bias->floats() : nullptr, activation, normed ? call.inputs[3].floats() : nullptr,
                     normed ? call.inputs[4].floats() : nullptr, from, to};
  OCTAVO_TRY(weight.depthwise() ? depthwise(conv) : multiply(conv));
  if (turn_y) transpose_all(call, static_cast<const float*>(to), sizes.batch, sizes.out_positions(), sizes.out_channels, y.floats());
  return {};
}

}  // namespace

// x float32 [batch, in, ...spatial], weight [out, in / groups, ...kernel] (packed when it is a program's constant), bias
// [out] or absent -> y [batch, out, ...]. attrs: see `read_conv_attrs`.
Status conv(Call& call) { return run_conv(call, false, false); }
// The same, then fma(y, alpha [out], beta [out]) before the activation.
Status conv_affine(Call& call) { return run_conv(call, false, true); }
// weight [in, out / groups, ...kernel].
Status conv_transpose(Call& call) { return run_conv(call, true, false); }

}  // namespace octavo
