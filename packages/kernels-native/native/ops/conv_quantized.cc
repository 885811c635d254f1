#include <atomic>

#include "conv_rows.h"
#include "depthwise_blocks.h"
#include "gemm_blocks.h"
#include "ops.h"
#include "static_requantization.h"

namespace octavo {
namespace {

// Below this many channels a pixel is too short a run to be copied by itself.
constexpr size_t kShortRun = 64;

struct Conv {
  const Call& call;
  const PackedWeight& weight;
  const ConvSizes& sizes;
  const PixelRows<uint8_t>& pixels;
  octavo_requantize requantize;
  const uint8_t* x;
  uint8_t* y;
};

// Each group's columns over the rows of a block: one GEMM for each, which read their channels of the same pixels.
Status multiply(const Conv& conv) {
  const PackedWeight& weight = conv.weight;
  const ConvGeometry& geometry = weight.geometry;
  const octavo_kernels* kernels = conv.call.kernels;
  const size_t m = conv.sizes.rows(), n = weight.n, k = weight.k;
  const size_t channels = conv.sizes.in_channels, group_channels = channels / weight.groups, taps = geometry.taps();
  const bool in_place = geometry.in_place();
  const bool by_runs = !in_place && weight.groups == 1 && channels < kShortRun && conv.pixels.has_runs();
  // Rows that are collected here have the zeros that panels have behind K.
  const size_t multiple = kernels->u8s8_k_multiple, collected = by_runs ? (k + multiple - 1) / multiple * multiple : 0;
  std::atomic<bool> no_memory{false};

  const auto run_block = [&](size_t row, size_t rows, size_t column, size_t columns) {
    uint8_t* gathered = scratch(2, kernels->gemm_u8s8_scratch(by_runs ? collected : k));
    uint8_t* memory = in_place ? nullptr : scratch(1, rows * (by_runs ? collected : taps * sizeof(void*)));
    if (gathered == nullptr || (memory == nullptr && !in_place)) {
      no_memory = true;
      return;
    }
    if (by_runs) conv.pixels.collect(row, rows, memory, collected);
    const uint8_t** pixels = in_place || by_runs ? nullptr : reinterpret_cast<const uint8_t**>(memory);
    if (pixels != nullptr) conv.pixels.pixels(row, rows, pixels);
    for (size_t group = 0; group < weight.groups; group++) {
      const size_t first = group * weight.padded_n() + column;
      octavo_gemm_u8s8_codes block = {
          rows, columns, k, conv.x + row * channels + group * group_channels, channels, pixels, group_channels, group * group_channels,
          weight.s8_panel(group, column), weight.has_zeros ? weight.zeros.as<int32_t>() + first : nullptr,
          from_column(conv.requantize, first), conv.y + row * conv.sizes.out_channels + group * n + column, conv.sizes.out_channels,
          gathered, weight.splits.get(), weight.first_panel(group, column)};
      if (by_runs) block.k = block.lda = collected, block.a = memory;
      kernels->gemm_u8s8_codes(&block);
    }
  };
  if (weight.groups == 1) {
    for_gemm_blocks(conv.call, m, n, k, run_block);
  } else {
    for_row_blocks(conv.call, m, OCTAVO_GEMM_ROWS, [&](size_t row, size_t rows) { run_block(row, rows, 0, n); });
  }
  return no_memory ? fail(Code::OutOfMemory, "[%s] no memory for a block of rows", conv.call.op) : Status{};
}

Status depthwise(const Conv& conv) {
  const size_t channels = conv.sizes.in_channels;
  return for_depthwise_blocks<uint8_t>(conv.call, conv.weight.geometry, conv.sizes, conv.pixels,
                                       [&](const octavo_taps& at, const uint8_t* const* pixels, size_t position) {
    const octavo_depthwise_u8s8 block = {at, channels, pixels, conv.weight.panels.as<int16_t>(), conv.requantize,
                                         conv.y + position * channels, channels};
    conv.call.kernels->depthwise_u8s8(&block);
  });
}

Status run_conv(Call& call, bool transposed) {
  OCTAVO_TRY(expect_operands(call, 2, 2, 1));
  const View &x = call.inputs[0], &y = call.outputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Uint8));
  OCTAVO_TRY(expect_tensor(call, "y", y, DType::Uint8));
  const PackedWeight* packed = call.inputs[1].packed.get();
  if (!packed || packed->geometry.rank == 0 || packed->geometry.transposed != transposed || packed->kind == PackedWeight::kFloat ||
      packed->kernels != call.kernels) {
    return fail(Code::InvalidArgument, "[%s] packed must be int8 weights of %s convolution, packed for these kernels", call.op,
                transposed ? "a transposed" : "a plain");
  }
  const PackedWeight& weight = *packed;
  const ConvGeometry& geometry = weight.geometry;
  const bool by_channel = weight.kind == PackedWeight::kDepthwise;
  const size_t in_channels = by_channel ? weight.n : weight.groups * (weight.k / geometry.taps());
  ConvSizes sizes;
  OCTAVO_TRY(read_conv_sizes(call, geometry, in_channels, weight.groups * weight.n, &sizes));
  StaticAttrs attrs;
  OCTAVO_TRY(read_static_attrs(call, &attrs));
  if (y.size() == 0) return {};

  // One position or one channel lies the same way in both layouts.
  const bool turn_x = !x.channels_last && in_channels != 1 && sizes.in_positions() != 1;
  const bool turn_y = !y.channels_last && sizes.out_channels != 1 && sizes.out_positions() != 1;
  const auto aligned = [](size_t bytes) { return (bytes + 63) & ~size_t(63); };
  const size_t requantize_bytes = aligned(requantization_bytes(weight)), padding_bytes = aligned(in_channels);
  const size_t x_bytes = turn_x ? aligned(x.size()) : 0;
  uint8_t* memory = scratch(0, requantize_bytes + padding_bytes + x_bytes + (turn_y ? y.size() : 0));
  if (memory == nullptr) return fail(Code::OutOfMemory, "[%s] no memory for a transposed input", call.op);
  uint8_t* padding = memory + requantize_bytes;
  uint8_t* turned_x = padding + padding_bytes;
  uint8_t* turned_y = turned_x + x_bytes;
  memset(padding, attrs.x_zero, in_channels);
  if (turn_x) transpose_all(call, x.data, sizes.batch, in_channels, sizes.in_positions(), turned_x);

  const uint8_t* from = turn_x ? turned_x : x.data;
  uint8_t* to = turn_y ? turned_y : y.data;
  const PixelRows<uint8_t> pixels(geometry, sizes, from, padding);
  const Conv conv = {call, weight, sizes, pixels, requantization(weight, attrs, memory), from, to};
  OCTAVO_TRY(by_channel ? depthwise(conv) : multiply(conv));
  if (turn_y) transpose_all(call, static_cast<const uint8_t*>(to), sizes.batch, sizes.out_positions(), sizes.out_channels, y.data);
  return {};
}

}  // namespace

// x uint8 [batch, in, ...spatial], packed -> y uint8 [batch, out, ...]. attrs: see `read_static_attrs`.
Status conv_quantized(Call& call) { return run_conv(call, false); }
Status conv_transpose_quantized(Call& call) { return run_conv(call, true); }

}  // namespace octavo
