// Kernels over one row of 8-bit codes, written once over the 16 lanes of `Simd`; the definitions are those of core's
// `ops/quantized`. Included by one file of each instruction set, after its `simd/` header.
#pragma once
#include <string.h>

#include "../../include/octavo_code_kernels.h"

namespace {

// Codes as integers in 0..255. A row that is shorter than 16 is copied first, so that nothing past it is read.
inline Simd::I load_codes(const uint8_t* p, size_t count, Simd::I flip) {
  if (count >= 16) return Simd::xor_i32(Simd::load_u8(p), flip);
  uint8_t part[16] = {0};
  memcpy(part, p, count);
  return Simd::xor_i32(Simd::load_u8(part), flip);
}

inline Simd::F load_floats(const float* p, size_t count) { return count >= 16 ? Simd::load(p) : Simd::load_first(p, count); }

inline void store_floats(float* p, Simd::F x, size_t count) {
  if (count >= 16) Simd::store(p, x);
  else Simd::store_first(p, x, count);
}

// clamp(zero + rint(t * multiplier), low, high). Clamping before the zero point is added gives the same code and keeps
// every sum exact; NaN becomes 0 steps.
struct ToCodes {
  Simd::F multiplier, zero, low, high;
  Simd::I flip;
  explicit ToCodes(const octavo_to_codes* to)
      : multiplier(Simd::set1(to->multiplier)), zero(Simd::set1(float(to->zero))), low(Simd::set1(float(to->low - to->zero))),
        high(Simd::set1(float(to->high - to->zero))), flip(Simd::set1_i32(to->flip)) {}
  void store(uint8_t* y, Simd::F t, size_t count) const {
    const Simd::F steps = Simd::rint(Simd::mul(t, multiplier));
    const Simd::F kept = Simd::min(high, Simd::max(low, Simd::keep(Simd::ordered(steps), steps)));
    const Simd::I codes = Simd::xor_i32(Simd::to_int(Simd::add(kept, zero)), flip);
    if (count >= 16) {
      Simd::store_u8(y, codes);
    } else {
      uint8_t part[16];
      Simd::store_u8(part, codes);
      memcpy(y, part, count);
    }
  }
};

// Calls body(i, count) for every 16 elements and for those left over.
template <class Body> inline void by_16(size_t n, Body body) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) body(i, size_t(16));
  if (i < n) body(i, n - i);
}

// code - zero of a row, exact in float.
struct Steps {
  const uint8_t* codes;
  bool repeats;
  Simd::I flip;
  Simd::F zero, first;
  Steps(octavo_code_row x, uint8_t flip_byte)
      : codes(x.codes), repeats(x.step == 0), flip(Simd::set1_i32(flip_byte)), zero(Simd::set1(float(x.zero))),
        first(Simd::set1(repeats ? float(int32_t(uint8_t(*x.codes ^ flip_byte)) - x.zero) : 0.0f)) {}
  Simd::F load(size_t i, size_t count) const {
    return repeats ? first : Simd::sub(Simd::to_float(load_codes(codes + i, count, flip)), zero);
  }
};

// The whole blocks of a sum of two rows of uint8 whose steps int32 holds; gives how many elements those are. Saturating packs
// do then what limits and a case for NaN do elsewhere.
inline size_t add_whole_blocks(octavo_code_row a, octavo_code_row b, const octavo_to_codes* to, uint8_t* y, size_t n) {
  const float most = (__builtin_fabsf(a.scale) + __builtin_fabsf(b.scale)) * 256.0f * __builtin_fabsf(to->multiplier);
  if (to->flip != 0 || a.step != 1 || b.step != 1 || !(most < 0x1p30f) || to->zero < 0 || to->zero > 255) return 0;
  const Simd::CodeRange range(to->zero, to->low, to->high);
  const Simd::F sa = Simd::set1(a.scale), sb = Simd::set1(b.scale), multiplier = Simd::set1(to->multiplier);
  const Simd::F za = Simd::set1(float(a.zero)), zb = Simd::set1(float(b.zero));
  const auto value = [](const uint8_t* codes, Simd::F zero, Simd::F scale) {
    return Simd::mul(Simd::sub(Simd::to_float(Simd::load_u8(codes)), zero), scale);
  };
  const auto steps = [&](size_t i) {
    return Simd::to_nearest(Simd::mul(Simd::add(value(a.codes + i, za, sa), value(b.codes + i, zb, sb)), multiplier));
  };
  size_t i = 0;
  for (; i + 32 <= n; i += 32) Simd::store_steps(y + i, steps(i), y + i + 16, steps(i + 16), range);
  return i;
}

void add_code_row(octavo_code_row a, octavo_code_row b, const octavo_to_codes* to, uint8_t* y, size_t n) {
  const size_t done = add_whole_blocks(a, b, to, y, n);
  a.codes += done * a.step, b.codes += done * b.step, y += done, n -= done;
  if (n == 0) return;
  const ToCodes codes(to);
  const Steps left(a, to->flip), right(b, to->flip);
  const Simd::F sa = Simd::set1(a.scale), sb = Simd::set1(b.scale);
  by_16(n, [&](size_t i, size_t count) {
    codes.store(y + i, Simd::add(Simd::mul(left.load(i, count), sa), Simd::mul(right.load(i, count), sb)), count);
  });
}

void add_linear_row(octavo_code_row a, octavo_code_row b, float offset, const octavo_to_codes* to, uint8_t* y, size_t n) {
  if (n == 0) return;
  const ToCodes codes(to);
  const Steps left(a, to->flip), right(b, to->flip);
  const Simd::F sa = Simd::set1(a.scale), sb = Simd::set1(b.scale), shift = Simd::set1(offset);
  by_16(n, [&](size_t i, size_t count) {
    const Simd::F other = Simd::fma(right.load(i, count), sb, shift);
    codes.store(y + i, Simd::fma(left.load(i, count), sa, other), count);
  });
}

void mul_code_row(octavo_code_row a, octavo_code_row b, const octavo_to_codes* to, uint8_t* y, size_t n) {
  if (n == 0) return;
  const ToCodes codes(to);
  const Steps left(a, to->flip), right(b, to->flip);
  by_16(n, [&](size_t i, size_t count) { codes.store(y + i, Simd::mul(left.load(i, count), right.load(i, count)), count); });
}

// The compiler makes vectors of these two.
void max_code_row(uint8_t flip, const uint8_t* x, uint8_t* y, size_t n) {
  if (flip == 0) {
    for (size_t i = 0; i < n; i++) y[i] = x[i] > y[i] ? x[i] : y[i];
  } else {
    const int8_t* from = reinterpret_cast<const int8_t*>(x);
    int8_t* to = reinterpret_cast<int8_t*>(y);
    for (size_t i = 0; i < n; i++) to[i] = from[i] > to[i] ? from[i] : to[i];
  }
}

void add_to_sums_row(uint8_t flip, const uint8_t* x, int32_t* sums, size_t n) {
  for (size_t i = 0; i < n; i++) sums[i] += uint8_t(x[i] ^ flip);
}

void quantize_sums_row(const int32_t* sums, int32_t offset, const octavo_to_codes* to, uint8_t* y, size_t n) {
  const ToCodes codes(to);
  const Simd::I minus = Simd::set1_i32(offset);
  by_16(n, [&](size_t i, size_t count) {
    int32_t part[16] = {0};
    if (count < 16) memcpy(part, sums + i, count * sizeof(int32_t));
    codes.store(y + i, Simd::to_float(Simd::sub_i32(Simd::load_i32(count < 16 ? part : sums + i), minus)), count);
  });
}

void quantize_row(const float* x, const octavo_to_codes* to, uint8_t* y, size_t n) {
  const ToCodes codes(to);
  by_16(n, [&](size_t i, size_t count) { codes.store(y + i, load_floats(x + i, count), count); });
}

void dequantize_row(octavo_code_row x, uint8_t flip, float* y, size_t n) {
  if (n == 0) return;
  const Steps steps(x, flip);
  const Simd::F scale = Simd::set1(x.scale);
  by_16(n, [&](size_t i, size_t count) { store_floats(y + i, Simd::mul(steps.load(i, count), scale), count); });
}

void affine_code_row(octavo_code_row x, const float* alpha, const float* beta, size_t step, const octavo_to_codes* to, uint8_t* y, size_t n) {
  if (n == 0) return;
  const ToCodes codes(to);
  const Steps steps(x, to->flip);
  const Simd::F one_alpha = Simd::set1(*alpha), one_beta = Simd::set1(*beta);
  by_16(n, [&](size_t i, size_t count) {
    const Simd::F a = step ? load_floats(alpha + i, count) : one_alpha;
    const Simd::F b = step ? load_floats(beta + i, count) : one_beta;
    codes.store(y + i, Simd::fma(a, steps.load(i, count), b), count);
  });
}

void normalize_row(octavo_code_row x, float center, float rate, const float* weight, const float* bias, size_t step,
                   const octavo_to_codes* to, uint8_t* y, size_t n) {
  if (n == 0) return;
  const ToCodes codes(to);
  const Steps steps(x, to->flip);
  const Simd::F middle = Simd::set1(center), factor = Simd::set1(rate);
  const Simd::F one_weight = Simd::set1(*weight), one_bias = Simd::set1(*bias);
  by_16(n, [&](size_t i, size_t count) {
    const Simd::F w = step ? load_floats(weight + i, count) : one_weight;
    const Simd::F b = step ? load_floats(bias + i, count) : one_bias;
    codes.store(y + i, Simd::fma(Simd::mul(Simd::sub(steps.load(i, count), middle), factor), w, b), count);
  });
}

void add_scaled_row(const uint8_t* codes, float scale, float bias, const float* sums, float* y, size_t n) {
  const Simd::F factor = Simd::set1(scale), shift = Simd::set1(bias);
  const Simd::I no_flip = Simd::set1_i32(0);
  by_16(n, [&](size_t i, size_t count) {
    const Simd::F from = sums ? Simd::add(load_floats(sums + i, count), shift) : shift;
    store_floats(y + i, Simd::fma(Simd::to_float(load_codes(codes + i, count, no_flip)), factor, from), count);
  });
}

void interpolate_row(const uint8_t* const p[4], const float w[2], const float h[2], int32_t shift, const octavo_to_codes* to,
                     uint8_t* y, size_t n) {
  const ToCodes codes(to);
  const Simd::I flip = Simd::set1_i32(to->flip), minus = Simd::set1_i32(shift);
  const Simd::F w0 = Simd::set1(w[0]), w1 = Simd::set1(w[1]), h0 = Simd::set1(h[0]), h1 = Simd::set1(h[1]);
  const Simd::F zero = Simd::set1(float(to->zero - shift));
  by_16(n, [&](size_t i, size_t count) {
    const auto value = [&](int k) { return Simd::to_float(Simd::sub_i32(load_codes(p[k] + i, count, flip), minus)); };
    const Simd::F above = Simd::add(Simd::mul(w0, value(0)), Simd::mul(w1, value(1)));
    const Simd::F below = Simd::add(Simd::mul(w0, value(2)), Simd::mul(w1, value(3)));
    codes.store(y + i, Simd::sub(Simd::add(Simd::mul(h0, above), Simd::mul(h1, below)), zero), count);
  });
}

const octavo_code_kernels code_kernels = {
    Simd::look_up,  add_code_row, mul_code_row,  max_code_row,   add_to_sums_row, quantize_sums_row, quantize_row,
    dequantize_row, affine_code_row,   normalize_row, add_scaled_row, interpolate_row,
    add_linear_row,
};

}  // namespace
