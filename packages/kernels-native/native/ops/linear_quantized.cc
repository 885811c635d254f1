#include <atomic>

#include "../include/octavo_code_kernels.h"
#include "dynamic_rows.h"
#include "gemm_blocks.h"
#include "ops.h"

namespace octavo {
namespace {

// clamp(rint(x / scale) + zero, 0, 255), the quotients in pieces that stay in L1. NaN is the zero point.
void quantize_onnx(const octavo_kernels* kernels, const float* x, size_t size, float scale, int32_t zero, uint8_t* codes) {
  constexpr size_t kPiece = 256;
  float steps[kPiece];
  const octavo_to_codes to = {1.0f, zero, 0, 255, 0};
  for (size_t i = 0; i < size; i += kPiece) {
    const size_t count = size - i < kPiece ? size - i : kPiece;
    kernels->binary(OCTAVO_BINARY_DIV, x + i, 1, &scale, 0, steps, count);
    kernels->codes->quantize(steps, &to, codes + i, count);
  }
}

}  // namespace

void dynamic_ranges(const Call& call, const float* x, size_t rows, size_t columns, int64_t scheme, bool reduce_range, float* scales,
                    int32_t* zeros) {
  if (scheme == kPerRow) {
    for_row_chunks(call, rows, columns, [&](size_t from, size_t to) {
      for (size_t r = from; r < to; r++) {
        float min, max;
        call.kernels->finite_range(x + r * columns, columns, &min, &max);
        const QParams q = choose_qparams(min, max, reduce_range);
        scales[r] = q.scale, zeros[r] = q.zero_point;
      }
    });
    return;
  }
  float min = 0, max = 0;
  for (size_t r = 0; r < rows; r++) {
    float low, high;
    call.kernels->finite_range(x + r * columns, columns, &low, &high);
    min = low < min ? low : min;
    max = high > max ? high : max;
  }
  const QParams q = dynamic_qparams(min, max, scheme, reduce_range);
  for (size_t r = 0; r < rows; r++) scales[r] = q.scale, zeros[r] = q.zero_point;
}

void quantize_row(const octavo_kernels* kernels, int64_t scheme, const float* x, size_t columns, float scale, int32_t zero, uint8_t* codes) {
  if (scheme == kOnnx) quantize_onnx(kernels, x, columns, scale, zero, codes);
  else kernels->quantize_fma(x, columns, 1.0f / scale, float(zero), codes);
}

void row_sums(const uint8_t* codes, size_t rows, size_t k, int32_t* sums) {
  for (size_t r = 0; r < rows; r++) {
    sums[r] = 0;
    for (size_t i = 0; i < k; i++) sums[r] += codes[r * k + i];
  }
}

namespace {

void quantize_rows(const Call& call, const View& x, const float* scales, const int32_t* zeros, uint8_t* codes) {
  const size_t columns = x.columns();
  for_row_chunks(call, x.rows(), columns, [&](size_t from, size_t to) {
    for (size_t r = from; r < to; r++) {
      quantize_row(call.kernels, call.attr_int(0), x.floats() + r * columns, columns, scales[r], zeros[r], codes + r * columns);
    }
  });
}

Status multiply(Call& call, const uint8_t* codes, const float* scales, const int32_t* zeros, size_t m, const PackedWeight& weight,
                octavo_activation activation, float* y) {
  const size_t n = weight.n, k = weight.k;
  const size_t row_bytes = call.kernels->gemm_u8s8_scratch(k);
  std::atomic<bool> no_memory{false};
  for_gemm_blocks(call, m, n, k, [&](size_t row, size_t rows, size_t column, size_t columns) {
    uint8_t* rows_scratch = scratch(2, row_bytes);
    if (rows_scratch == nullptr && row_bytes != 0) {
      no_memory = true;
      return;
    }
    int32_t sums[OCTAVO_GEMM_ROWS];
    if (weight.has_zeros) row_sums(codes + row * k, rows, k, sums);
    const octavo_gemm_u8s8 block = {rows, columns, k, codes + row * k, k, scales + row, zeros + row,
                                    weight.s8_panel(0, column),
                                    weight.scales.as<float>() + column, weight.sums.as<int32_t>() + column,
                                    weight.has_bias ? weight.bias.as<float>() + column : nullptr,
                                    y + row * n + column, n, activation, rows_scratch,
                                    weight.has_zeros ? sums : nullptr,
                                    weight.has_zeros ? weight.zeros.as<int32_t>() + column : nullptr,
                                    weight.splits.get(), weight.first_panel(0, column)};
    call.kernels->gemm_u8s8(&block);
  });
  return no_memory ? fail(Code::OutOfMemory, "[%s] no memory for a block of rows", call.op) : Status{};
}

}  // namespace

// x [..., k] -> codes uint8, scales float32 [rows], zeroPoints int32 [rows]. attrs: scheme, reduceRange.
Status quantize_dynamic(Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, 1, 3));
  const View& x = call.inputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "codes", call.outputs[0], DType::Uint8));
  OCTAVO_TRY(expect_tensor(call, "scales", call.outputs[1], DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "zeroPoints", call.outputs[2], DType::Int32));
  OCTAVO_TRY(expect_size(call, "codes", call.outputs[0], x.size()));
  if (x.size() == 0) {
    // Rows of nothing have the range of zero, as in the reference.
    const QParams none = call.attr_int(0) == kOnnx ? onnx_qparams(0, 0) : choose_qparams(0, 0, call.attr_int(1) != 0);
    for (size_t r = 0; r < call.outputs[1].size(); r++) call.outputs[1].floats()[r] = none.scale;
    for (size_t r = 0; r < call.outputs[2].size(); r++) call.outputs[2].as<int32_t>()[r] = none.zero_point;
    return {};
  }
  OCTAVO_TRY(expect_size(call, "scales", call.outputs[1], x.rows()));
  OCTAVO_TRY(expect_size(call, "zeroPoints", call.outputs[2], x.rows()));
  float* scales = call.outputs[1].floats();
  int32_t* zeros = call.outputs[2].as<int32_t>();
  dynamic_ranges(call, x.floats(), x.rows(), x.columns(), call.attr_int(0), call.attr_int(1) != 0, scales, zeros);
  quantize_rows(call, x, scales, zeros, call.outputs[0].data);
  return {};
}

namespace {

// Rows of x [..., k], also where they hold nothing.
size_t rows_of(const View& x, const View& y, size_t n) { return x.columns() != 0 ? x.rows() : n == 0 ? 0 : y.size() / n; }

}  // namespace

// codes uint8 [..., k], scales, zeroPoints [rows] or [1], packed [n, k] -> y [..., n]. attrs: activation.
Status linear_quantized(Call& call) {
  OCTAVO_TRY(expect_operands(call, 4, 4, 1));
  const View& codes = call.inputs[0];
  OCTAVO_TRY(expect_tensor(call, "codes", codes, DType::Uint8));
  OCTAVO_TRY(expect_tensor(call, "scales", call.inputs[1], DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "zeroPoints", call.inputs[2], DType::Int32));
  OCTAVO_TRY(expect_packed_linear(call, call.inputs[3]));
  OCTAVO_TRY(expect_tensor(call, "y", call.outputs[0], DType::Float32));
  const PackedWeight& weight = *call.inputs[3].packed;
  if (codes.columns() != weight.k) return fail(Code::InvalidShape, "[%s] codes do not fit the packed weight", call.op);
  const size_t m = rows_of(codes, call.outputs[0], weight.n);
  const size_t ranges = call.inputs[1].size() == 1 ? 1 : m;
  OCTAVO_TRY(expect_size(call, "scales", call.inputs[1], ranges));
  OCTAVO_TRY(expect_size(call, "zeroPoints", call.inputs[2], ranges));
  OCTAVO_TRY(expect_size(call, "y", call.outputs[0], m * weight.n));
  const float* scales = call.inputs[1].floats();
  const int32_t* zeros = call.inputs[2].as<int32_t>();
  if (ranges != m && m > 0) {  // A static range: kernels read one a row.
    uint8_t* memory = scratch(1, m * (sizeof(float) + sizeof(int32_t)));
    if (memory == nullptr) return fail(Code::OutOfMemory, "[%s] no memory for the ranges of %zu rows", call.op, m);
    float* all_scales = reinterpret_cast<float*>(memory);
    int32_t* all_zeros = reinterpret_cast<int32_t*>(memory + m * sizeof(float));
    for (size_t r = 0; r < m; r++) all_scales[r] = scales[0], all_zeros[r] = zeros[0];
    scales = all_scales, zeros = all_zeros;
  }
  return multiply(call, codes.data, scales, zeros, m, weight,
                  static_cast<octavo_activation>(call.attr_int(0)), call.outputs[0].floats());
}

// Both steps in one call, for eager modules: codes and ranges stay in scratch. attrs: scheme, reduceRange, activation.
Status linear_dynamic(Call& call) {
  OCTAVO_TRY(expect_operands(call, 2, 2, 1));
  const View& x = call.inputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Float32));
  OCTAVO_TRY(expect_packed_linear(call, call.inputs[1]));
  OCTAVO_TRY(expect_tensor(call, "y", call.outputs[0], DType::Float32));
  const PackedWeight& weight = *call.inputs[1].packed;
  if (x.rank < 1 || x.columns() != weight.k) return fail(Code::InvalidShape, "[%s] x does not fit the packed weight", call.op);
  const size_t m = rows_of(x, call.outputs[0], weight.n);
  OCTAVO_TRY(expect_size(call, "y", call.outputs[0], m * weight.n));
  uint8_t* codes = scratch(0, x.size());
  uint8_t* ranges = scratch(1, m * 8);
  if ((codes == nullptr && x.size() != 0) || ranges == nullptr) return fail(Code::OutOfMemory, "[%s] no memory for codes", call.op);
  float* scales = reinterpret_cast<float*>(ranges);
  int32_t* zeros = reinterpret_cast<int32_t*>(ranges) + m;
  dynamic_ranges(call, x.floats(), m, x.columns(), call.attr_int(0), call.attr_int(1) != 0, scales, zeros);
  quantize_rows(call, x, scales, zeros, codes);
  return multiply(call, codes, scales, zeros, m, weight, static_cast<octavo_activation>(call.attr_int(2)), call.outputs[0].floats());
}

}  // namespace octavo
