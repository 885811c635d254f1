#include <atomic>
#include <vector>

#include "layout.h"
#include "quantized.h"

namespace octavo {
namespace {

// A float32 operand of `n` values, or nullptr where it was left out.
Status parameter(const Call& call, size_t i, const char* name, size_t n, const float** values) {
  const View* view = call.optional(i);
  *values = nullptr;
  if (view == nullptr) return {};
  OCTAVO_TRY(expect_tensor(call, name, *view, DType::Float32));
  OCTAVO_TRY(expect_size(call, name, *view, n));
  *values = view->floats();
  return {};
}

// Core's `normalized`: statistics of a run of n codes from exact sums, in double; the rest in float32.
struct Normalization {
  float center, rate;
};
Normalization normalization(const uint8_t* x, size_t n, CodeType type, AttrQParams q, float eps) {
  const int32_t zero = q.zero + type.shift;
  int64_t sum = 0, squares = 0;
  for (size_t i = 0; i < n;) {
    // Blocks whose sums fit 32 bits, so that the compiler makes vectors.
    const size_t end = n - i < 16384 ? n : i + 16384;
    int32_t block_sum = 0, block_squares = 0;
    for (; i < end; i++) {
      const int32_t d = int32_t(uint8_t(x[i] ^ type.flip)) - zero;
      block_sum += d, block_squares += d * d;
    }
    sum += block_sum, squares += block_squares;
  }
  const double mean = double(sum) / double(n);
  const double spread = double(squares) / double(n) - mean * mean, variance = spread > 0 ? spread : 0.0;
  const double scale = double(q.scale);
  return {float(mean), float(scale / sqrt(variance * scale * scale + double(eps)))};
}

}  // namespace

// x [n, channels, ...], weight?, bias?, mean, var [channels]. attrs: eps, xScale, xZeroPoint, scale, zeroPoint, relu.
Status quantized_batch_norm(Call& call) {
  OCTAVO_TRY(expect_codes_to_codes(call, 5, 5));
  const View &x = call.inputs[0], &y = call.outputs[0];
  OCTAVO_TRY(expect_same_dims(call, "y", y, x));
  if (x.rank < 2 || x.channels_last != y.channels_last) return fail(Code::InvalidShape, "[%s] x must be [n, channels, ...] as y is", call.op);
  const size_t channels = x.dim(1);
  const float *weight, *bias, *mean, *variance;
  OCTAVO_TRY(parameter(call, 1, "weight", channels, &weight));
  OCTAVO_TRY(parameter(call, 2, "bias", channels, &bias));
  OCTAVO_TRY(parameter(call, 3, "mean", channels, &mean));
  OCTAVO_TRY(parameter(call, 4, "var", channels, &variance));
  if (mean == nullptr || variance == nullptr) return fail(Code::InvalidArgument, "[%s] mean and var must be tensors", call.op);
  if (x.size() == 0) return {};
  const float eps = call.attr_float(0);
  const AttrQParams qx = qparams_attr(call, 1), qy = qparams_attr(call, 3);
  const CodeType type = code_type(x);
  std::vector<float> alpha(channels), beta(channels);
  for (size_t c = 0; c < channels; c++) {
    const float scaled = 1.0f / sqrtf(variance[c] + eps) * (weight ? weight[c] : 1.0f);
    alpha[c] = scaled * (qx.scale / qy.scale);
    beta[c] = ((bias ? bias[c] : 0.0f) - mean[c] * scaled) / qy.scale;
  }
  const octavo_to_codes to = to_codes(type, 1.0f, qy.zero, call.attr_int(5) == 1 ? qy.zero : type.low, type.high);
  const size_t row = x.channels_last ? channels : x.size() / x.dim(0) / channels;
  for_row_chunks(call, x.size() / row, row * 2, [&](size_t from, size_t end) {
    for (size_t r = from; r < end; r++) {
      const size_t c = x.channels_last ? 0 : r % channels;
      const octavo_code_row codes = {x.data + r * row, 1, 1.0f, qx.zero + type.shift};
      call.kernels->codes->affine(codes, &alpha[c], &beta[c], x.channels_last, &to, y.data + r * row, row);
    }
  });
  return {};
}

// x [..., n], weight?, bias? of the last dims. attrs: axes, eps, xScale, xZeroPoint, scale, zeroPoint.
Status quantized_layer_norm(Call& call) {
  OCTAVO_TRY(expect_codes_to_codes(call, 1, 3));
  const View &x = call.inputs[0], &y = call.outputs[0];
  OCTAVO_TRY(expect_same_dims(call, "y", y, x));
  const int64_t axes = call.attr_int(0);
  if (axes < 1 || axes > x.rank) return fail(Code::InvalidShape, "[%s] cannot normalise %d dimensions of rank %d", call.op, int(axes), x.rank);
  size_t n = 1;
  for (int i = 0; i < axes; i++) n *= x.dim(-1 - i);
  const float *weight, *bias;
  OCTAVO_TRY(parameter(call, 1, "weight", n, &weight));
  OCTAVO_TRY(parameter(call, 2, "bias", n, &bias));
  if (x.size() == 0) return {};
  const AttrQParams qx = qparams_attr(call, 2), qy = qparams_attr(call, 4);
  const CodeType type = code_type(x);
  const octavo_to_codes to = to_codes(type, 1.0f / qy.scale, qy.zero);
  const bool plain = weight == nullptr && bias == nullptr;
  std::vector<float> ones(weight || plain ? 1 : n, 1.0f), zeros(bias || plain ? 1 : n, 0.0f);
  for_row_chunks(call, x.size() / n, n * 4, [&](size_t from, size_t end) {
    for (size_t r = from; r < end; r++) {
      const Normalization by = normalization(x.data + r * n, n, type, qx, call.attr_float(1));
      const octavo_code_row codes = {x.data + r * n, 1, 1.0f, qx.zero + type.shift};
      call.kernels->codes->normalize(codes, by.center, by.rate, weight ? weight : ones.data(), bias ? bias : zeros.data(), !plain, &to,
                                     y.data + r * n, n);
    }
  });
  return {};
}

// x [n, channels, ...], weight?, bias? [channels]. attrs: groups, eps, xScale, xZeroPoint, scale, zeroPoint.
Status quantized_group_norm(Call& call) {
  OCTAVO_TRY(expect_codes_to_codes(call, 1, 3));
  const View &x = call.inputs[0], &y = call.outputs[0];
  OCTAVO_TRY(expect_same_dims(call, "y", y, x));
  const int64_t groups = call.attr_int(0);
  if (x.rank < 2 || groups < 1 || x.dims[1] % groups != 0) return fail(Code::InvalidShape, "[%s] groups must divide the channels", call.op);
  const size_t channels = x.dim(1);
  const float *weight, *bias;
  OCTAVO_TRY(parameter(call, 1, "weight", channels, &weight));
  OCTAVO_TRY(parameter(call, 2, "bias", channels, &bias));
  if (x.size() == 0) return {};
  const AttrQParams qx = qparams_attr(call, 2), qy = qparams_attr(call, 4);
  const CodeType type = code_type(x);
  const octavo_to_codes to = to_codes(type, 1.0f / qy.scale, qy.zero);
  const size_t each = channels / size_t(groups), spatial = x.size() / x.dim(0) / channels, n = each * spatial;
  for_row_chunks(call, x.dim(0) * size_t(groups), n * 4, [&](size_t from, size_t end) {
    for (size_t r = from; r < end; r++) {
      const Normalization by = normalization(x.data + r * n, n, type, qx, call.attr_float(1));
      for (size_t i = 0; i < each; i++) {
        const size_t c = r % size_t(groups) * each + i, at = r * n + i * spatial;
        const float w = weight ? weight[c] : 1.0f, b = bias ? bias[c] : 0.0f;
        const octavo_code_row codes = {x.data + at, 1, 1.0f, qx.zero + type.shift};
        call.kernels->codes->normalize(codes, by.center, by.rate, &w, &b, 0, &to, y.data + at, spatial);
      }
    }
  });
  return {};
}

// attrs: dim, xScale, xZeroPoint, scale, zeroPoint.
Status quantized_softmax(Call& call) {
  OCTAVO_TRY(expect_codes_to_codes(call, 1, 1));
  const View &x = call.inputs[0], &y = call.outputs[0];
  OCTAVO_TRY(expect_same_dims(call, "y", y, x));
  int64_t axis = call.attr_int(0);
  if (axis < 0) axis += x.rank == 0 ? 1 : x.rank;
  if (axis < 0 || (axis >= x.rank && axis != 0)) return fail(Code::InvalidShape, "[%s] no such dimension", call.op);
  if (x.size() == 0) return {};
  const size_t n = x.rank == 0 ? 1 : x.dim(int(axis));
  size_t step = 1;
  for (int i = int(axis) + 1; i < x.rank; i++) step *= x.dim(i);
  const AttrQParams qx = qparams_attr(call, 1), qy = qparams_attr(call, 3);
  const CodeType type = code_type(x);
  const octavo_to_codes to = to_codes(type, 1.0f / qy.scale, qy.zero);
  std::atomic<bool> no_memory{false};
  for_row_chunks(call, x.size() / n, n * 16, [&](size_t from, size_t end) {
    uint8_t* memory = scratch(0, n * (sizeof(float) + 1));
    if (memory == nullptr) {
      no_memory = true;
      return;
    }
    float* row = reinterpret_cast<float*>(memory);
    uint8_t* codes = memory + n * sizeof(float);
    for (size_t r = from; r < end; r++) {
      const size_t start = r / step * n * step + r % step;
      for (size_t i = 0; i < n; i++) codes[i] = x.data[start + i * step];
      call.kernels->codes->dequantize({codes, 1, qx.scale, qx.zero + type.shift}, type.flip, row, n);
      call.kernels->softmax_plain(row, n);
      call.kernels->codes->quantize(row, &to, codes, n);
      for (size_t i = 0; i < n; i++) y.data[start + i * step] = codes[i];
    }
  });
  return no_memory ? fail(Code::OutOfMemory, "[%s] no memory for a row", call.op) : Status{};
}

}  // namespace octavo
