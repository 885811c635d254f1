// The natural logarithm of core's `numerics/elementary.ts`, which gives the source, one value at a time.
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

namespace octavo {

inline float natural_log(float x) {
  constexpr float p[] = {7.0376836292e-2f, -1.151461031e-1f, 1.167699874e-1f,  -1.2420140846e-1f, 1.4249322787e-1f,
                         -1.6668057665e-1f, 2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f};
  if (!(x > 0) || x == INFINITY) return x == 0 ? -INFINITY : x > 0 ? x : NAN;
  const bool subnormal = x < 0x1p-126f;
  const float scaled = subnormal ? x * 0x1p24f : x;
  uint32_t bits;
  memcpy(&bits, &scaled, 4);
  const uint32_t half = (bits & 0x007fffffu) | 0x3f000000u;
  float m;
  memcpy(&m, &half, 4);
  int32_t e = int32_t(bits >> 23) - 126 - (subnormal ? 24 : 0);
  if (m < 0.70710678118654752440f) m = m + m, e -= 1;
  const float z = m - 1.0f, square = z * z;
  float r = p[0];
  for (size_t i = 1; i < sizeof(p) / sizeof(p[0]); i++) r = fmaf(r, z, p[i]);
  const float tail = fmaf(square, -0.5f, fmaf(float(e), -2.1219444e-4f, r * z * square));
  return fmaf(float(e), 0.693359375f, z + tail);
}

}  // namespace octavo
