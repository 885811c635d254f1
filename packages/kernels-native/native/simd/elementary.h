// exp, erf, tanh and what is made of them over 16 lanes: the same text as core's `numerics/elementary.ts`, whose
// comments give the sources. Every backend must give its bits: change both or none.
#pragma once

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

  static F sigmoid(F x) { return Simd::div(c(1), Simd::add(c(1), exp(Simd::neg(x)))); }

  static F gelu(F x) {
    const F half = Simd::mul(x, c(0.5));
    return Simd::fma(half, erf(Simd::mul(x, c(0.7071067811865476))), half);
  }

  static F relu(F x) { return Simd::max(Simd::zero(), x); }
  static F relu6(F x) { return Simd::min(c(6), relu(x)); }
};

}  // namespace
