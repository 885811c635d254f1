// 16 float lanes as plain arrays: the definition that the vector headers must equal, bit for bit.
#pragma once
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace {

struct Simd {
  struct F { float v[16]; };
  struct I { int32_t v[16]; };
  struct M { bool v[16]; };

  template <class Fn> static F map(Fn fn) { F r; for (int i = 0; i < 16; i++) r.v[i] = fn(i); return r; }
  template <class Fn> static I mapi(Fn fn) { I r; for (int i = 0; i < 16; i++) r.v[i] = fn(i); return r; }
  template <class Fn> static M mapm(Fn fn) { M r; for (int i = 0; i < 16; i++) r.v[i] = fn(i); return r; }

  // Positions of a depthwise convolution whose sums lie in registers together: any number.
  static constexpr size_t kDepthwisePositions = 4;
  static F load(const float* p) { F r; memcpy(r.v, p, 64); return r; }
  static F load_first(const float* p, size_t n) { F r = {}; memcpy(r.v, p, n * 4); return r; }
  static void store(float* p, F x) { memcpy(p, x.v, 64); }
  static void store_first(float* p, F x, size_t n) { memcpy(p, x.v, n * 4); }
  static F set1(float x) { return map([&](int) { return x; }); }
  static F zero() { return set1(0.0f); }

  static F add(F a, F b) { return map([&](int i) { return a.v[i] + b.v[i]; }); }
  static F sub(F a, F b) { return map([&](int i) { return a.v[i] - b.v[i]; }); }
  static F mul(F a, F b) { return map([&](int i) { return a.v[i] * b.v[i]; }); }
  static F div(F a, F b) { return map([&](int i) { return a.v[i] / b.v[i]; }); }
  static F sqrt(F a) { return map([&](int i) { return ::sqrtf(a.v[i]); }); }
  static F fma(F a, F b, F c) { return map([&](int i) { return ::fmaf(a.v[i], b.v[i], c.v[i]); }); }
  static F fnma(F a, F b, F c) { return map([&](int i) { return ::fmaf(-a.v[i], b.v[i], c.v[i]); }); }
  // As the x86 instructions: the second operand where the comparison fails, so NaN in it passes through.
  static F max(F a, F b) { return map([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; }); }
  static F min(F a, F b) { return map([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; }); }
  static F rint(F a) { return map([&](int i) { return ::nearbyintf(a.v[i]); }); }
  static F abs(F a) { return map([&](int i) { return ::fabsf(a.v[i]); }); }
  static F neg(F a) { return map([&](int i) { return -a.v[i]; }); }
  // |magnitude| with the sign bit of `sign`; magnitude is not negative.
  static F with_sign(F magnitude, F sign) { return map([&](int i) { return ::copysignf(magnitude.v[i], sign.v[i]); }); }

  static M greater(F a, F b) { return mapm([&](int i) { return a.v[i] > b.v[i]; }); }
  static M ordered(F a) { return mapm([&](int i) { return a.v[i] == a.v[i]; }); }
  static M finite(F a) { return mapm([&](int i) { return a.v[i] - a.v[i] == 0; }); }
  static M first(size_t n) { return mapm([&](int i) { return size_t(i) < n; }); }
  static F select(M m, F yes, F no) { return map([&](int i) { return m.v[i] ? yes.v[i] : no.v[i]; }); }
  static F keep(M m, F x) { return map([&](int i) { return m.v[i] ? x.v[i] : 0.0f; }); }

  // Truncating conversion of integral values; NaN and overflow give INT_MIN as cvttps2dq does.
  static I to_int(F a) {
    return mapi([&](int i) { return a.v[i] >= -2147483648.0f && a.v[i] < 2147483648.0f ? int32_t(a.v[i]) : INT32_MIN; });
  }
  static F to_float(I a) { return map([&](int i) { return float(a.v[i]); }); }
  static I load_i32(const int32_t* p) { I r; memcpy(r.v, p, 64); return r; }
  static I set1_i32(int32_t x) { return mapi([&](int) { return x; }); }
  // Rounding conversion; NaN and overflow give INT_MIN as cvtps2dq does.
  static I to_nearest(F a) { return to_int(rint(a)); }
  static I add_i32(I a, I b) { return mapi([&](int i) { return int32_t(uint32_t(a.v[i]) + uint32_t(b.v[i])); }); }
  static I min_i32(I a, I b) { return mapi([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; }); }
  static I max_i32(I a, I b) { return mapi([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; }); }
  // sum[i] + x[i] * weights[2 * i] + y[i] * weights[2 * i + 1]
  static I add_pairs(I sum, const uint8_t* x, const uint8_t* y, const int16_t* weights) {
    return mapi([&](int i) { return int32_t(uint32_t(sum.v[i]) + uint32_t(x[i] * weights[2 * i] + y[i] * weights[2 * i + 1])); });
  }
  // The same of 32 channels, two panels side by side.
  struct Wide { I v[2]; };
  static Wide wide_zero() { return {{set1_i32(0), set1_i32(0)}}; }
  static Wide add_pairs_wide(Wide sum, const uint8_t* x, const uint8_t* y, const int16_t* weights) {
    return {{add_pairs(sum.v[0], x, y, weights), add_pairs(sum.v[1], x + 16, y + 16, weights + 32)}};
  }
  // One pair of taps of 32 channels, 16 from each of two panels, in the order of `add_pairs_wide`.
  static void wide_weights(const int16_t* first, const int16_t* second, int16_t* out) {
    memcpy(out, first, 64);
    memcpy(out + 32, second, 64);
  }
  static void narrow(Wide sum, I* sums) { sums[0] = sum.v[0], sums[1] = sum.v[1]; }
  static I sub_i32(I a, I b) { return mapi([&](int i) { return int32_t(uint32_t(a.v[i]) - uint32_t(b.v[i])); }); }
  static I mul_i32(I a, I b) { return mapi([&](int i) { return int32_t(uint32_t(a.v[i]) * uint32_t(b.v[i])); }); }
  static I half(I a) { return mapi([&](int i) { return a.v[i] >> 1; }); }
  static F pow2(I e) {
    return map([&](int i) {
      const uint32_t bits = (uint32_t(e.v[i]) + 127u) << 23;
      float r;
      memcpy(&r, &bits, 4);
      return r;
    });
  }
  static I load_u8(const uint8_t* p) { return mapi([&](int i) { return int32_t(p[i]); }); }
  static I xor_i32(I a, I b) { return mapi([&](int i) { return a.v[i] ^ b.v[i]; }); }
  static I and_i32(I a, I b) { return mapi([&](int i) { return a.v[i] & b.v[i]; }); }
  static I shift_right(I a, int bits) { return mapi([&](int i) { return int32_t(uint32_t(a.v[i]) >> bits); }); }
  // Each of a lane's four bytes for itself.
  static I sub_bytes(I a, I b) {
    return mapi([&](int i) {
      uint32_t r = 0;
      for (int byte = 0; byte < 32; byte += 8) r |= (((uint32_t(a.v[i]) >> byte) - (uint32_t(b.v[i]) >> byte)) & 255u) << byte;
      return int32_t(r);
    });
  }
  // byte `Byte` of each lane, signed, times 2^24.
  template <int Byte> static I byte_at_top(I a) {
    return mapi([&](int i) { return int32_t(uint32_t(a.v[i]) >> (8 * Byte) << 24); });
  }
  // y[i] = table[x[i]], a table of 256 bytes.
  static void look_up(const uint8_t* table, const uint8_t* x, uint8_t* y, size_t n) { for (size_t i = 0; i < n; i++) y[i] = table[x[i]]; }
  // The 16 lanes, known to be in 0..255, as bytes.
  static void store_u8(uint8_t* p, I a) { for (int i = 0; i < 16; i++) p[i] = uint8_t(a.v[i]); }
  // clamp(x + zero, low, high) as bytes, 0 <= zero, low, high <= 255; limits move by zero, so that no sum overflows.
  struct CodeRange {
    I zero, low, high;
    CodeRange(int32_t zero_point, int32_t least, int32_t most)
        : zero(set1_i32(zero_point)), low(set1_i32(least - zero_point)), high(set1_i32(most - zero_point)) {}
  };
  static void store_steps(uint8_t* p, I a, const CodeRange& range) {
    store_u8(p, add_i32(min_i32(max_i32(a, range.low), range.high), range.zero));
  }
  static void store_steps(uint8_t* p, I x, uint8_t* q, I y, const CodeRange& range) {
    store_steps(p, x, range);
    store_steps(q, y, range);
  }

  static float fold_add(F a) {
    for (int width = 8; width >= 1; width /= 2)
      for (int j = 0; j < width; j++) a.v[j] = a.v[j] + a.v[j + width];
    return a.v[0];
  }
  static float fold_max(F a) { float r = a.v[0]; for (int i = 1; i < 16; i++) r = a.v[i] > r ? a.v[i] : r; return r; }
  static float fold_min(F a) { float r = a.v[0]; for (int i = 1; i < 16; i++) r = a.v[i] < r ? a.v[i] : r; return r; }
};

}  // namespace
