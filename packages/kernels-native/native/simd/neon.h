// 16 float lanes as four NEON registers: lanes 4i to 4i + 3 in v[i]. ARMv8.0: nothing here needs an extension.
#pragma once
#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace {

struct Simd {
  struct F { float32x4_t v[4]; };
  struct I { int32x4_t v[4]; };
  struct M { uint32x4_t v[4]; };

  // One call a register, written out: GCC keeps arrays that loops index in memory.
  template <class Fn> static F map(Fn fn) { return {{fn(0), fn(1), fn(2), fn(3)}}; }
  template <class Fn> static I mapi(Fn fn) { return {{fn(0), fn(1), fn(2), fn(3)}}; }
  template <class Fn> static M mapm(Fn fn) { return {{fn(0), fn(1), fn(2), fn(3)}}; }

  // Positions of a depthwise convolution whose sums lie in registers together: 16 of the 32 registers.
  static constexpr size_t kDepthwisePositions = 4;
  static F load(const float* p) { return map([&](int i) { return vld1q_f32(p + 4 * i); }); }
  static F load_first(const float* p, size_t n) {
    float lanes[16] = {0};
    memcpy(lanes, p, n * sizeof(float));
    return load(lanes);
  }
  static void store(float* p, F x) { vst1q_f32(p, x.v[0]), vst1q_f32(p + 4, x.v[1]), vst1q_f32(p + 8, x.v[2]), vst1q_f32(p + 12, x.v[3]); }
  static void store_first(float* p, F x, size_t n) {
    float lanes[16];
    store(lanes, x);
    memcpy(p, lanes, n * sizeof(float));
  }
  static F set1(float x) { return map([&](int) { return vdupq_n_f32(x); }); }
  static F zero() { return set1(0.0f); }

  static F add(F x, F y) { return map([&](int i) { return vaddq_f32(x.v[i], y.v[i]); }); }
  static F sub(F x, F y) { return map([&](int i) { return vsubq_f32(x.v[i], y.v[i]); }); }
  static F mul(F x, F y) { return map([&](int i) { return vmulq_f32(x.v[i], y.v[i]); }); }
  static F div(F x, F y) { return map([&](int i) { return vdivq_f32(x.v[i], y.v[i]); }); }
  static F sqrt(F x) { return map([&](int i) { return vsqrtq_f32(x.v[i]); }); }
  static F fma(F x, F y, F z) { return map([&](int i) { return vfmaq_f32(z.v[i], x.v[i], y.v[i]); }); }
  static F fnma(F x, F y, F z) { return map([&](int i) { return vfmsq_f32(z.v[i], x.v[i], y.v[i]); }); }
  // The second operand where the comparison fails, as `scalar.h` says: fmax would let neither NaN nor -0 through.
  static F max(F x, F y) { return select(greater(x, y), x, y); }
  static F min(F x, F y) { return select(greater(y, x), x, y); }
  static F rint(F x) { return map([&](int i) { return vrndnq_f32(x.v[i]); }); }
  static F abs(F x) { return map([&](int i) { return vabsq_f32(x.v[i]); }); }
  static F neg(F x) { return map([&](int i) { return vnegq_f32(x.v[i]); }); }
  static F with_sign(F x, F sign) { return map([&](int i) { return vbslq_f32(vdupq_n_u32(0x80000000), sign.v[i], x.v[i]); }); }

  static M greater(F x, F y) { return mapm([&](int i) { return vcgtq_f32(x.v[i], y.v[i]); }); }
  static M ordered(F x) { return mapm([&](int i) { return vceqq_f32(x.v[i], x.v[i]); }); }
  static M finite(F x) { return ordered(sub(x, x)); }
  static M first(size_t n) {
    static const uint32_t order[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return mapm([&](int i) { return vcltq_u32(vld1q_u32(order + 4 * i), vdupq_n_u32(uint32_t(n))); });
  }
  static F select(M m, F yes, F no) { return map([&](int i) { return vbslq_f32(m.v[i], yes.v[i], no.v[i]); }); }
  static F keep(M m, F x) { return map([&](int i) { return vreinterpretq_f32_u32(vandq_u32(m.v[i], vreinterpretq_u32_f32(x.v[i]))); }); }

  // NEON's conversions saturate and give 0 for NaN. INT_MIN is wanted for both: also for what is too large.
  static int32x4_t int_min_unless(uint32x4_t fits, int32x4_t x) { return vbslq_s32(fits, x, vdupq_n_s32(INT32_MIN)); }
  static uint32x4_t below_2_31(float32x4_t x) { return vcltq_f32(x, vdupq_n_f32(2147483648.0f)); }
  static I to_int(F x) { return mapi([&](int i) { return int_min_unless(below_2_31(x.v[i]), vcvtq_s32_f32(x.v[i])); }); }
  static I to_nearest(F x) { return mapi([&](int i) { return int_min_unless(below_2_31(x.v[i]), vcvtnq_s32_f32(x.v[i])); }); }
  static F to_float(I x) { return map([&](int i) { return vcvtq_f32_s32(x.v[i]); }); }
  static I load_i32(const int32_t* p) { return mapi([&](int i) { return vld1q_s32(p + 4 * i); }); }
  static I set1_i32(int32_t x) { return mapi([&](int) { return vdupq_n_s32(x); }); }
  static I add_i32(I x, I y) { return mapi([&](int i) { return vaddq_s32(x.v[i], y.v[i]); }); }
  static I sub_i32(I x, I y) { return mapi([&](int i) { return vsubq_s32(x.v[i], y.v[i]); }); }
  static I mul_i32(I x, I y) { return mapi([&](int i) { return vmulq_s32(x.v[i], y.v[i]); }); }
  static I min_i32(I x, I y) { return mapi([&](int i) { return vminq_s32(x.v[i], y.v[i]); }); }
  static I max_i32(I x, I y) { return mapi([&](int i) { return vmaxq_s32(x.v[i], y.v[i]); }); }
  static I xor_i32(I x, I y) { return mapi([&](int i) { return veorq_s32(x.v[i], y.v[i]); }); }
  static I and_i32(I x, I y) { return mapi([&](int i) { return vandq_s32(x.v[i], y.v[i]); }); }
  static I shift_right(I x, int bits) {
    return mapi([&](int i) { return vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(x.v[i]), vdupq_n_s32(-bits))); });
  }
  // Each of a lane's four bytes for itself.
  static I sub_bytes(I x, I y) {
    return mapi([&](int i) { return vreinterpretq_s32_s8(vsubq_s8(vreinterpretq_s8_s32(x.v[i]), vreinterpretq_s8_s32(y.v[i]))); });
  }
  // byte `Byte` of each lane, signed, times 2^24.
  template <int Byte> static I byte_at_top(I x) {
    return mapi([&](int i) { return vandq_s32(vshlq_n_s32(x.v[i], 24 - 8 * Byte), vdupq_n_s32(int32_t(0xFF000000u))); });
  }
  static I half(I x) { return mapi([&](int i) { return vshrq_n_s32(x.v[i], 1); }); }
  static F pow2(I e) {
    return map([&](int i) { return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(e.v[i], vdupq_n_s32(127)), 23)); });
  }

  // Products of 8 codes each by int16 weights, added to lanes 0 to 7 or 8 to 15.
  static void add_products(int32x4_t* sum, uint8x8_t codes, int16x8_t weights) {
    const int16x8_t wide = vreinterpretq_s16_u16(vmovl_u8(codes));
    sum[0] = vmlal_s16(sum[0], vget_low_s16(wide), vget_low_s16(weights));
    sum[1] = vmlal_high_s16(sum[1], wide, weights);
  }
  static I add_pairs(I sum, const uint8_t* x, const uint8_t* y, const int16_t* weights) {
    const uint8x16_t u = vld1q_u8(x), w = vld1q_u8(y);
    const int16x8x2_t low = vld2q_s16(weights), high = vld2q_s16(weights + 16);
    add_products(sum.v, vget_low_u8(u), low.val[0]);
    add_products(sum.v + 2, vget_high_u8(u), high.val[0]);
    add_products(sum.v, vget_low_u8(w), low.val[1]);
    add_products(sum.v + 2, vget_high_u8(w), high.val[1]);
    return sum;
  }
  // The same of 32 channels, two panels side by side. Their weights lie tap by tap instead of in pairs, so that no load has
  // to part them: [2 panels][2 taps][16].
  struct Wide { I v[2]; };
  static Wide wide_zero() { return {{set1_i32(0), set1_i32(0)}}; }
  static Wide add_pairs_wide(Wide sum, const uint8_t* x, const uint8_t* y, const int16_t* weights) {
    const auto panel = [&](int32x4_t* to, const uint8_t* codes, const int16_t* w) {
      const uint8x16_t u = vld1q_u8(codes);
      add_products(to, vget_low_u8(u), vld1q_s16(w));
      add_products(to + 2, vget_high_u8(u), vld1q_s16(w + 8));
    };
    panel(sum.v[0].v, x, weights), panel(sum.v[0].v, y, weights + 16);
    panel(sum.v[1].v, x + 16, weights + 32), panel(sum.v[1].v, y + 16, weights + 48);
    return sum;
  }
  static void wide_weights(const int16_t* first, const int16_t* second, int16_t* out) {
    for (int i = 0; i < 4; i++) {
      const int16x8x2_t pairs = vld2q_s16((i < 2 ? first : second) + i % 2 * 16);
      int16_t* to = out + i / 2 * 32 + i % 2 * 8;
      vst1q_s16(to, pairs.val[0]);
      vst1q_s16(to + 16, pairs.val[1]);
    }
  }
  static void narrow(Wide sum, I* sums) { sums[0] = sum.v[0], sums[1] = sum.v[1]; }

  static I load_u8(const uint8_t* p) {
    const uint8x16_t bytes = vld1q_u8(p);
    const uint16x8_t low = vmovl_u8(vget_low_u8(bytes)), high = vmovl_high_u8(bytes);
    return {{vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(low))), vreinterpretq_s32_u32(vmovl_high_u16(low)),
             vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(high))), vreinterpretq_s32_u32(vmovl_high_u16(high))}};
  }
  static void store_u8(uint8_t* p, I x) {
    const int16x8_t low = vmovn_high_s32(vmovn_s32(x.v[0]), x.v[1]), high = vmovn_high_s32(vmovn_s32(x.v[2]), x.v[3]);
    vst1q_u8(p, vreinterpretq_u8_s8(vmovn_high_s16(vmovn_s16(low), high)));
  }
  // tbl answers for 64 entries and gives 0 beyond them, tbx leaves what is there: four of them are a table of 256.
  static void look_up(const uint8_t* table, const uint8_t* x, uint8_t* y, size_t n) {
    size_t i = 0;
    if (n >= 16) {
      const uint8x16x4_t t0 = vld1q_u8_x4(table), t1 = vld1q_u8_x4(table + 64), t2 = vld1q_u8_x4(table + 128), t3 = vld1q_u8_x4(table + 192);
      const uint8x16_t part = vdupq_n_u8(64);
      for (; i + 16 <= n; i += 16) {
        const uint8x16_t first = vld1q_u8(x + i), second = vsubq_u8(first, part), third = vsubq_u8(second, part);
        uint8x16_t out = vqtbl4q_u8(t0, first);
        out = vqtbx4q_u8(out, t1, second);
        out = vqtbx4q_u8(out, t2, third);
        vst1q_u8(y + i, vqtbx4q_u8(out, t3, vsubq_u8(third, part)));
      }
    }
    for (; i < n; i++) y[i] = table[x[i]];
  }

  // `store_steps`: zero point and limits, as the saturating narrowing wants them.
  struct CodeRange {
    int16x8_t zero;
    uint8x16_t low, high;
    CodeRange(int32_t zero_point, int32_t least, int32_t most)
        : zero(vdupq_n_s16(int16_t(zero_point))), low(vdupq_n_u8(uint8_t(least))), high(vdupq_n_u8(uint8_t(most))) {}
  };
  // clamp(x + zero, low, high) as bytes, 0 <= zero, low, high <= 255: saturation to 16 bits, in the sum with zero and to 8
  // bits only moves what lies beyond the limits.
  static void store_steps(uint8_t* p, I x, const CodeRange& range) {
    const int16x8_t low = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(x.v[0]), x.v[1]), range.zero);
    const int16x8_t high = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(x.v[2]), x.v[3]), range.zero);
    const uint8x16_t bytes = vqmovun_high_s16(vqmovun_s16(low), high);
    vst1q_u8(p, vminq_u8(vmaxq_u8(bytes, range.low), range.high));
  }
  static void store_steps(uint8_t* p, I x, uint8_t* q, I y, const CodeRange& range) {
    store_steps(p, x, range);
    store_steps(q, y, range);
  }

  static float fold_add(F x) {
    const float32x4_t s4 = vaddq_f32(vaddq_f32(x.v[0], x.v[2]), vaddq_f32(x.v[1], x.v[3]));
    const float32x2_t s2 = vadd_f32(vget_low_f32(s4), vget_high_f32(s4));
    return vget_lane_f32(s2, 0) + vget_lane_f32(s2, 1);
  }
  static float fold_max(F x) { return vmaxvq_f32(vmaxq_f32(vmaxq_f32(x.v[0], x.v[1]), vmaxq_f32(x.v[2], x.v[3]))); }
  static float fold_min(F x) { return vminvq_f32(vminq_f32(vminq_f32(x.v[0], x.v[1]), vminq_f32(x.v[2], x.v[3]))); }
};

}  // namespace
