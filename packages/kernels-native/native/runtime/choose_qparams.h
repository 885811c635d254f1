// The rule of dynamic ops, in double precision: the same text as core's `numerics/choose-qparams.ts`, which gives the
// source (ATen's ChooseQuantizationParams).
#pragma once
#include <math.h>
#include <stdint.h>

namespace octavo {

struct QParams {
  float scale;
  int32_t zero_point;
};

inline QParams choose_qparams(float min, float max, bool reduce_range) {
  const float small_scale = 6.1e-5f;
  const int32_t high = reduce_range ? 127 : 255;  // low is 0
  float lo = min < 0 ? min : 0.0f;
  float hi = max > 0 ? max : 0.0f;
  double scale = (double(hi) - double(lo)) / high;
  if (float(scale) == 0.0f || isinf(1.0f / float(scale))) scale = 0.1;
  if (scale < small_scale) {
    const double original = scale;
    scale = small_scale;
    if (lo == 0) {
      hi = small_scale * float(high);
    } else if (hi == 0) {
      lo = -small_scale * float(high);
    } else {
      const float amplifier = float(double(small_scale) / original);
      lo = lo * amplifier;
      hi = hi * amplifier;
    }
  }
  const double from_min = 0.0 - double(lo) / scale;
  const double from_max = double(high) - double(hi) / scale;
  const double error_min = 0.0 - fabs(double(lo) / scale);
  const double error_max = double(high) - fabs(double(hi) / scale);
  const double initial = error_min < error_max ? from_min : from_max;
  const int32_t zero_point = initial < 0 ? 0 : initial > high ? high : int32_t(nearbyint(initial));
  return {float(scale), zero_point};
}

// The rule of ONNX's DynamicQuantizeLinear, in float32: core's `onnxQParams`. The range holds 0, and may be infinite.
inline QParams onnx_qparams(float min, float max) {
  float scale = (max - min) / 255.0f;
  if (scale == 0) scale = 1;
  const float steps = nearbyintf(-min / scale);
  return {scale, steps > 255 ? 255 : steps > 0 ? int32_t(steps) : 0};
}

}  // namespace octavo
