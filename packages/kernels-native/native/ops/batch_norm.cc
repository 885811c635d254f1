#include <math.h>

#include <atomic>
#include <vector>

#include "layout.h"
#include "ops.h"

namespace octavo {
namespace {

Status parameter(const Call& call, size_t i, const char* name, size_t n, const float** values) {
  const View* view = call.optional(i);
  *values = nullptr;
  if (view == nullptr) return {};
  OCTAVO_TRY(expect_tensor(call, name, *view, DType::Float32));
  OCTAVO_TRY(expect_size(call, name, *view, n));
  *values = view->floats();
  return {};
}

}  // namespace

// x [batch, channels, ...], weight?, bias?, runningMean, runningVar [channels]. attrs: eps.
Status batch_norm(Call& call) {
  OCTAVO_TRY(expect_operands(call, 5, 5, 1));
  const View &x = call.inputs[0], &y = call.outputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "y", y, DType::Float32));
  OCTAVO_TRY(expect_same_dims(call, "y", y, x));
  if (x.rank < 2) return fail(Code::InvalidShape, "[%s] x must be [batch, channels, ...]", call.op);
  const size_t channels = x.dim(1);
  const float *weight, *bias, *mean, *variance;
  OCTAVO_TRY(parameter(call, 1, "weight", channels, &weight));
  OCTAVO_TRY(parameter(call, 2, "bias", channels, &bias));
  OCTAVO_TRY(parameter(call, 3, "runningMean", channels, &mean));
  OCTAVO_TRY(parameter(call, 4, "runningVar", channels, &variance));
  if (mean == nullptr || variance == nullptr) return fail(Code::InvalidArgument, "[%s] runningMean and runningVar must be tensors", call.op);
  if (x.size() == 0) return {};
  std::vector<float> alpha(channels), beta(channels);
  for (size_t c = 0; c < channels; c++) {
    const float inverse = 1.0f / sqrtf(variance[c] + call.attr_float(0));
    alpha[c] = weight ? weight[c] * inverse : inverse;
    beta[c] = (bias ? bias[c] : 0.0f) - mean[c] * alpha[c];
  }
  const size_t row = x.channels_last ? channels : x.size() / x.dim(0) / channels;
  for_row_chunks(call, x.size() / row, row, [&](size_t from, size_t to) {
    for (size_t r = from; r < to; r++) {
      const size_t c = x.channels_last ? 0 : r % channels;
      call.kernels->affine(x.floats() + r * row, &alpha[c], &beta[c], x.channels_last, y.floats() + r * row, row);
    }
  });
  return {};
}

// x [batch, channels, ...], weight?, bias? [channels]. attrs: groups, eps. Each group of channels is a row of layer_norm.
Status group_norm(Call& call) {
  OCTAVO_TRY(expect_operands(call, 1, 3, 1));
  const View &x = call.inputs[0], &y = call.outputs[0];
  OCTAVO_TRY(expect_tensor(call, "x", x, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "y", y, DType::Float32));
  OCTAVO_TRY(expect_same_dims(call, "y", y, x));
  const int64_t groups = call.attr_int(0);
  if (x.rank < 2 || groups < 1 || x.dims[1] % groups != 0) return fail(Code::InvalidShape, "[%s] groups must divide the channels", call.op);
  const size_t channels = x.dim(1);
  const float *weight, *bias;
  OCTAVO_TRY(parameter(call, 1, "weight", channels, &weight));
  OCTAVO_TRY(parameter(call, 2, "bias", channels, &bias));
  if (x.size() == 0) return {};
  const size_t each = channels / size_t(groups), spatial = x.size() / x.dim(0) / channels, n = each * spatial;
  std::atomic<bool> no_memory{false};
  for_row_chunks(call, x.dim(0) * size_t(groups), n * 4, [&](size_t from, size_t to) {
    float* parameters = reinterpret_cast<float*>(scratch(0, 2 * n * sizeof(float)));
    if (parameters == nullptr) {
      no_memory = true;
      return;
    }
    for (size_t r = from; r < to; r++) {
      // The parameters of each element, as layer_norm takes them.
      for (size_t i = 0; i < n; i++) {
        const size_t c = r % size_t(groups) * each + i / spatial;
        parameters[i] = weight ? weight[c] : 1.0f, parameters[n + i] = bias ? bias[c] : 0.0f;
      }
      call.kernels->layer_norm(x.floats() + r * n, n, parameters, parameters + n, call.attr_float(1), y.floats() + r * n);
    }
  });
  return no_memory ? fail(Code::OutOfMemory, "[%s] no memory for a group's parameters", call.op) : Status{};
}

}  // namespace octavo
