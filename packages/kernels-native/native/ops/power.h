// Powers of core's `numerics/power.ts`, which says why: the same text.
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

namespace octavo {

inline double ln_double(double x) {
  constexpr int kTerms = 14;
  uint64_t bits;
  memcpy(&bits, &x, 8);
  int e = int(bits >> 52 & 0x7ff) - 1022;
  bits = (bits & 0x800fffffffffffffu) | (uint64_t(1022) << 52);
  double m;
  memcpy(&m, &bits, 8);
  if (m < 0.7071067811865476) m *= 2, e--;
  const double s = (m - 1) / (m + 1), square = s * s;
  double sum = 0;
  for (int k = kTerms; k >= 0; k--) sum = sum * square + 1.0 / (2 * k + 1);
  return e * 0.6931471805599453 + 2 * s * sum;
}

inline double exp_double(double x) {
  constexpr int kTerms = 15;
  constexpr double kLn2 = 0.6931471805599453;
  if (x > 710) return INFINITY;
  if (x < -745) return 0;
  const double steps = x / kLn2, below = ::floor(steps), n = steps - below >= 0.5 ? below + 1 : below;
  const double r = x - n * kLn2;
  double sum = 1;
  for (int k = kTerms; k >= 1; k--) sum = 1 + (sum * r) / k;
  const int half = int(::floor(n / 2));
  return sum * ldexp(1, half) * ldexp(1, int(n) - half);
}

inline double whole_power(double base, double exponent) {
  double y = 1, square = base;
  for (int i = int(fabs(exponent)); i > 0; i /= 2, square *= square) {
    if (i % 2 == 1) y *= square;
  }
  return exponent < 0 ? 1 / y : y;
}

inline float float_power(float base, float exponent) {
  if (exponent == 2) return base * base;
  if (exponent == 0.5f && base >= 0) return sqrtf(base);
  if (exponent == 0 || base == 1) return 1;
  if (isnan(base) || isnan(exponent)) return NAN;
  const bool whole = isfinite(exponent) && truncf(exponent) == exponent;
  if (whole && fabsf(exponent) <= 64) return float(whole_power(base, exponent));
  const float magnitude = fabsf(base);
  if (!isfinite(exponent)) {
    if (magnitude == 1) return 1;
    return (magnitude > 1) == (exponent > 0) ? INFINITY : 0;
  }
  const bool negative = base < 0 && whole && fmodf(exponent, 2) != 0;
  if (magnitude == 0 || isinf(magnitude)) {
    const float y = (magnitude == 0) != (exponent > 0) ? INFINITY : 0;
    return negative ? -y : y;
  }
  if (base < 0 && !whole) return NAN;
  const float y = float(exp_double(double(exponent) * ln_double(magnitude)));
  return negative ? -y : y;
}

// Wraps in 64 bits, to be cut to the dtype; below an exponent of 0 the whole part of 1 / base^-exponent, 0 for a base of 0.
inline uint64_t integer_power(int64_t base, int64_t exponent) {
  if (exponent < 0) return base == 1 || (base == -1 && exponent % 2 == 0) ? 1 : base == -1 ? uint64_t(-1) : 0;
  uint64_t y = 1, square = uint64_t(base);
  for (; exponent > 0; exponent /= 2, square *= square) {
    if (exponent % 2 == 1) y *= square;
  }
  return y;
}

}  // namespace octavo
