// exp, erf, tanh, sin, cos and what is made of them over 16 lanes: the same text as core's `numerics/elementary.ts`, whose
// comments give the sources. Every backend must give its bits: change both or none.
#pragma once
#include <math.h>

namespace {

struct Elementary {
  using F = Simd::F;
  static F c(double x) { return Simd::set1(static_cast<float>(x)); }
  template <int N> static F horner(const float (&p)[N], F x) {
    F r = Simd::set1(p[0]);
    for (int i = 1; i < N; i++) r = Simd::fma(r, x, Simd::set1(p[i]));
    return r;
  }

  static F exp(F x) {
    constexpr float p[] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};
    const F clamped = Simd::min(c(89), Simd::max(c(-104), x));
    const F n = Simd::rint(Simd::mul(clamped, c(1.4426950408889634)));
    const F r = Simd::fnma(n, c(1.428606765330187e-6), Simd::fnma(n, c(0.693145751953125), clamped));
    const F y = Simd::add(Simd::fma(horner(p, r), Simd::mul(r, r), r), c(1));
    const Simd::I whole = Simd::to_int(n);
    const Simd::I half = Simd::half(whole);
    return Simd::mul(Simd::mul(y, Simd::pow2(half)), Simd::pow2(Simd::sub_i32(whole, half)));
  }

  static F erf(F x) {
    constexpr float small[] = {-5.96761703e-4f, 4.99119423e-3f, -2.67681349e-2f, 1.12819925e-1f, -3.76125336e-1f, 1.28379166e-1f};
    const F t = Simd::min(c(4), Simd::abs(x));
    const F s = Simd::mul(t, t);
    F r = Simd::fma(c(-1.72853470e-5), t, c(3.83197126e-4));
    const F u = Simd::fma(c(-3.88396438e-3), t, c(2.42546219e-2));
    r = Simd::fma(r, s, u);
    r = Simd::fma(r, t, c(-1.06777877e-1));
    r = Simd::fma(r, t, c(-6.34846687e-1));
    r = Simd::fma(r, t, c(-1.28717512e-1));
    r = Simd::fma(r, t, Simd::neg(t));
    const F large = Simd::with_sign(Simd::sub(c(1), exp(r)), x);
    return Simd::select(Simd::greater(t, c(0.927734375)), large, Simd::fma(horner(small, s), x, x));
  }

  static F tanh(F x) {
    constexpr float p[] = {-5.70498872745e-3f, 2.06390887954e-2f, -5.37397155531e-2f, 1.33314422036e-1f, -3.33332819422e-1f};
    const F t = Simd::abs(x);
    const F e = exp(Simd::add(t, t));
    const F large = Simd::with_sign(Simd::sub(c(1), Simd::div(c(2), Simd::add(e, c(1)))), x);
    const F s = Simd::mul(x, x);
    const F small = Simd::fma(Simd::mul(horner(p, s), s), x, x);
    return Simd::select(Simd::greater(t, c(0.625)), large, small);
  }

  struct Reduced {
    F quarters, rest;
  };

  static void reduce_large_angle(float angle, float* quarters, float* rest) {
    constexpr double two_over_pi[] = {10680707 * 0x1p-24, 7228996 * 0x1p-48,   1387004 * 0x1p-72,  2578385 * 0x1p-96,
                                      16069853 * 0x1p-120, 12639074 * 0x1p-144, 9804092 * 0x1p-168, 4427841 * 0x1p-192};
    double turns = 0, part = 0;
    for (const double digits : two_over_pi) {
      const double product = double(angle) * digits;
      part += product - 4 * ::nearbyint(product / 4);
      const double whole = ::nearbyint(part);
      turns += whole;
      part -= whole;
    }
    *quarters = float(turns);
    *rest = float(part * 1.5707963267948966);
  }

  static Reduced reduce_angle(F angle) {
    const F quarters = Simd::rint(Simd::mul(angle, c(0.63661977236758134)));
    const F high = Simd::fnma(quarters, c(1.570796012878418), angle);
    const F rest = Simd::fnma(quarters, c(5.390302529957765e-15), Simd::fnma(quarters, c(3.1391647326017846e-7), high));
    constexpr float large = 65536;
    if (Simd::fold_max(Simd::select(Simd::greater(angle, c(large)), c(1), Simd::zero())) == 0) return {quarters, rest};
    float angles[16], whole[16], left[16];
    Simd::store(angles, angle);
    Simd::store(whole, quarters);
    Simd::store(left, rest);
    for (int i = 0; i < 16; i++) {
      if (angles[i] > large) reduce_large_angle(angles[i], whole + i, left + i);
    }
    return {Simd::load(whole), Simd::load(left)};
  }

  static F sine_of_quarters(F angle, int32_t shift) {
    constexpr float sine[] = {2.86567956e-6f, -1.98559923e-4f, 8.33338592e-3f, -1.66666672e-1f};
    constexpr float cosine[] = {2.44677067e-5f, -1.38877297e-3f, 4.16666567e-2f, -0.5f, 1.0f};
    const Reduced reduced = reduce_angle(angle);
    const Simd::I turned = Simd::add_i32(Simd::to_int(reduced.quarters), Simd::set1_i32(shift));
    const auto bit = [&](int32_t mask) { return Simd::greater(Simd::to_float(Simd::and_i32(turned, Simd::set1_i32(mask))), Simd::zero()); };
    const F r = reduced.rest, s = Simd::mul(r, r);
    const F y = Simd::select(bit(1), horner(cosine, s), Simd::fma(Simd::mul(r, s), horner(sine, s), r));
    return Simd::select(bit(2), Simd::neg(y), y);
  }

  static F sin(F x) { return Simd::mul(sine_of_quarters(Simd::abs(x), 0), Simd::with_sign(c(1), x)); }
  static F cos(F x) { return sine_of_quarters(Simd::abs(x), 1); }

  static F sigmoid(F x) { return Simd::div(c(1), Simd::add(c(1), exp(Simd::neg(x)))); }

  static F gelu(F x) {
    const F half = Simd::mul(x, c(0.5));
    return Simd::fma(half, erf(Simd::mul(x, c(0.7071067811865476))), half);
  }

  static F gelu_tanh(F x) {
    const F half = Simd::mul(x, c(0.5));
    const F inner = Simd::mul(x, Simd::fma(Simd::mul(x, x), c(0.044715 * 0.7978845608028654), c(0.7978845608028654)));
    return Simd::fma(half, tanh(inner), half);
  }

  static F relu(F x) { return Simd::max(Simd::zero(), x); }
  static F relu6(F x) { return Simd::min(c(6), relu(x)); }
};

}  // namespace
