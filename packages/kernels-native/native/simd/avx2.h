// 16 float lanes as two ymm registers: lanes 0-7 in `a`, 8-15 in `b`.
#pragma once
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "look_up__avx2.h"

namespace {

alignas(64) const int32_t kLaneMask[32] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                                           0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0};

struct Simd {
  struct F { __m256 a, b; };
  struct I { __m256i a, b; };
  struct M { __m256 a, b; };

  // Positions of a depthwise convolution whose sums lie in registers together: 14 of the 16 registers.
  static constexpr size_t kDepthwisePositions = 7;
  static F load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static M first(size_t n) {
    const float* mask = reinterpret_cast<const float*>(kLaneMask + 16 - n);
    return {_mm256_loadu_ps(mask), _mm256_loadu_ps(mask + 8)};
  }
  static F load_first(const float* p, size_t n) {
    const M m = first(n);
    return {_mm256_maskload_ps(p, _mm256_castps_si256(m.a)), _mm256_maskload_ps(p + 8, _mm256_castps_si256(m.b))};
  }
  static void store(float* p, F x) {
    _mm256_storeu_ps(p, x.a);
    _mm256_storeu_ps(p + 8, x.b);
  }
  static void store_first(float* p, F x, size_t n) {
    const M m = first(n);
    _mm256_maskstore_ps(p, _mm256_castps_si256(m.a), x.a);
    _mm256_maskstore_ps(p + 8, _mm256_castps_si256(m.b), x.b);
  }
  static F set1(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static F zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }

  static F add(F x, F y) { return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
  static F sub(F x, F y) { return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
  static F mul(F x, F y) { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
  static F div(F x, F y) { return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
  static F sqrt(F x) { return {_mm256_sqrt_ps(x.a), _mm256_sqrt_ps(x.b)}; }
  static F fma(F x, F y, F z) { return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)}; }
  static F fnma(F x, F y, F z) { return {_mm256_fnmadd_ps(x.a, y.a, z.a), _mm256_fnmadd_ps(x.b, y.b, z.b)}; }
  static F max(F x, F y) { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
  static F min(F x, F y) { return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
  static F rint(F x) {
    constexpr int nearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    return {_mm256_round_ps(x.a, nearest), _mm256_round_ps(x.b, nearest)};
  }
  static __m256 sign_bit() { return _mm256_set1_ps(-0.0f); }
  static F abs(F x) { return {_mm256_andnot_ps(sign_bit(), x.a), _mm256_andnot_ps(sign_bit(), x.b)}; }
  static F neg(F x) { return {_mm256_xor_ps(sign_bit(), x.a), _mm256_xor_ps(sign_bit(), x.b)}; }
  static F with_sign(F x, F sign) {
    return {_mm256_or_ps(_mm256_andnot_ps(sign_bit(), x.a), _mm256_and_ps(sign_bit(), sign.a)),
            _mm256_or_ps(_mm256_andnot_ps(sign_bit(), x.b), _mm256_and_ps(sign_bit(), sign.b))};
  }

  static M greater(F x, F y) { return {_mm256_cmp_ps(x.a, y.a, _CMP_GT_OQ), _mm256_cmp_ps(x.b, y.b, _CMP_GT_OQ)}; }
  static M ordered(F x) { return {_mm256_cmp_ps(x.a, x.a, _CMP_ORD_Q), _mm256_cmp_ps(x.b, x.b, _CMP_ORD_Q)}; }
  static M finite(F x) {
    const F d = sub(x, x);
    return {_mm256_cmp_ps(d.a, d.a, _CMP_ORD_Q), _mm256_cmp_ps(d.b, d.b, _CMP_ORD_Q)};
  }
  static F select(M m, F yes, F no) { return {_mm256_blendv_ps(no.a, yes.a, m.a), _mm256_blendv_ps(no.b, yes.b, m.b)}; }
  static F keep(M m, F x) { return {_mm256_and_ps(m.a, x.a), _mm256_and_ps(m.b, x.b)}; }

  static I to_int(F x) { return {_mm256_cvttps_epi32(x.a), _mm256_cvttps_epi32(x.b)}; }
  static F to_float(I x) { return {_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)}; }
  static I load_i32(const int32_t* p) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 8))};
  }
  static I set1_i32(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
  static I to_nearest(F x) { return {_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b)}; }
  static I add_i32(I x, I y) { return {_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)}; }
  static I min_i32(I x, I y) { return {_mm256_min_epi32(x.a, y.a), _mm256_min_epi32(x.b, y.b)}; }
  static I max_i32(I x, I y) { return {_mm256_max_epi32(x.a, y.a), _mm256_max_epi32(x.b, y.b)}; }
  static I add_pairs(I sum, const uint8_t* x, const uint8_t* y, const int16_t* weights) {
    const __m128i u = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x)), v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(y));
    const __m256i low = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(u, v)), high = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(u, v));
    const I w = load_i32(reinterpret_cast<const int32_t*>(weights));
    return {_mm256_add_epi32(sum.a, _mm256_madd_epi16(low, w.a)), _mm256_add_epi32(sum.b, _mm256_madd_epi16(high, w.b))};
  }
  // The same of 32 channels, sums[2]. Halves of registers hold channels that lie 16 apart, so that interleaving and widening
  // stay within halves; `weights` and sums are in that order, [4][2 * 4 channels].
  struct Wide { __m256i v[4]; };
  static Wide wide_zero() { return {{_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()}}; }
  static Wide add_pairs_wide(Wide sum, const uint8_t* x, const uint8_t* y, const int16_t* weights) {
    const __m256i u = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)), v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(y));
    const __m256i low = _mm256_unpacklo_epi8(u, v), high = _mm256_unpackhi_epi8(u, v), zero = _mm256_setzero_si256();
    const __m256i* w = reinterpret_cast<const __m256i*>(weights);
    return {{_mm256_add_epi32(sum.v[0], _mm256_madd_epi16(_mm256_unpacklo_epi8(low, zero), _mm256_load_si256(w))),
             _mm256_add_epi32(sum.v[1], _mm256_madd_epi16(_mm256_unpackhi_epi8(low, zero), _mm256_load_si256(w + 1))),
             _mm256_add_epi32(sum.v[2], _mm256_madd_epi16(_mm256_unpacklo_epi8(high, zero), _mm256_load_si256(w + 2))),
             _mm256_add_epi32(sum.v[3], _mm256_madd_epi16(_mm256_unpackhi_epi8(high, zero), _mm256_load_si256(w + 3)))}};
  }
  // One pair of taps of 32 channels, 16 from each of two panels, in the order of `Wide`.
  static void wide_weights(const int16_t* first, const int16_t* second, int16_t* out) {
    for (int i = 0; i < 4; i++) {
      _mm_store_si128(reinterpret_cast<__m128i*>(out + 16 * i), _mm_loadu_si128(reinterpret_cast<const __m128i*>(first + 8 * i)));
      _mm_store_si128(reinterpret_cast<__m128i*>(out + 16 * i + 8), _mm_loadu_si128(reinterpret_cast<const __m128i*>(second + 8 * i)));
    }
  }
  static void narrow(Wide sum, I* sums) {
    sums[0] = {_mm256_permute2x128_si256(sum.v[0], sum.v[1], 0x20), _mm256_permute2x128_si256(sum.v[2], sum.v[3], 0x20)};
    sums[1] = {_mm256_permute2x128_si256(sum.v[0], sum.v[1], 0x31), _mm256_permute2x128_si256(sum.v[2], sum.v[3], 0x31)};
  }
  static I sub_i32(I x, I y) { return {_mm256_sub_epi32(x.a, y.a), _mm256_sub_epi32(x.b, y.b)}; }
  static I mul_i32(I x, I y) { return {_mm256_mullo_epi32(x.a, y.a), _mm256_mullo_epi32(x.b, y.b)}; }
  static I half(I x) { return {_mm256_srai_epi32(x.a, 1), _mm256_srai_epi32(x.b, 1)}; }
  static F pow2(I e) {
    const __m256i bias = _mm256_set1_epi32(127);
    return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(e.a, bias), 23)),
            _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(e.b, bias), 23))};
  }
  static I load_u8(const uint8_t* p) {
    return {_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))),
            _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + 8)))};
  }
  static I xor_i32(I x, I y) { return {_mm256_xor_si256(x.a, y.a), _mm256_xor_si256(x.b, y.b)}; }
  static I and_i32(I x, I y) { return {_mm256_and_si256(x.a, y.a), _mm256_and_si256(x.b, y.b)}; }
  static I shift_right(I x, int bits) { return {_mm256_srli_epi32(x.a, bits), _mm256_srli_epi32(x.b, bits)}; }
  // Each of a lane's four bytes for itself.
  static I sub_bytes(I x, I y) { return {_mm256_sub_epi8(x.a, y.a), _mm256_sub_epi8(x.b, y.b)}; }
  // byte `Byte` of each lane, signed, times 2^24.
  template <int Byte> static I byte_at_top(I x) {
    const __m256i order = _mm256_setr_epi8(-1, -1, -1, Byte, -1, -1, -1, 4 + Byte, -1, -1, -1, 8 + Byte, -1, -1, -1, 12 + Byte,
                                           -1, -1, -1, Byte, -1, -1, -1, 4 + Byte, -1, -1, -1, 8 + Byte, -1, -1, -1, 12 + Byte);
    return {_mm256_shuffle_epi8(x.a, order), _mm256_shuffle_epi8(x.b, order)};
  }
  static void look_up(const uint8_t* table, const uint8_t* x, uint8_t* y, size_t n) { look_up_avx2(table, x, y, n); }
  static void store_u8(uint8_t* p, I x) {
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(x.a, x.b), 0xD8);
    const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
  }

  // `store_steps`: zero point and limits, as the saturating packs want them.
  struct CodeRange {
    __m256i zero;
    __m128i low, high;
    CodeRange(int32_t zero_point, int32_t least, int32_t most)
        : zero(_mm256_set1_epi16(int16_t(zero_point))), low(_mm_set1_epi8(char(least))), high(_mm_set1_epi8(char(most))) {}
  };
  // clamp(x + zero, low, high) as bytes, 0 <= zero, low, high <= 255: saturation to 16 bits, in the sum with zero and to 8
  // bits only moves what lies beyond the limits.
  static void store_steps(uint8_t* p, I x, const CodeRange& range) {
    const __m256i words = _mm256_adds_epi16(_mm256_packs_epi32(x.a, x.b), range.zero);
    // Groups of 4: a0 b0 | a1 b1 -> a0 a1 b0 b1.
    const __m128i low = _mm256_castsi256_si128(words), high = _mm256_extracti128_si256(words, 1);
    const __m128i bytes = _mm_packus_epi16(_mm_unpacklo_epi64(low, high), _mm_unpackhi_epi64(low, high));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), limited(bytes, range));
  }
  // Two at once: one shuffle across halves for both.
  static void store_steps(uint8_t* p, I x, uint8_t* q, I y, const CodeRange& range) {
    const __m256i first = _mm256_adds_epi16(_mm256_packs_epi32(x.a, x.b), range.zero);
    const __m256i second = _mm256_adds_epi16(_mm256_packs_epi32(y.a, y.b), range.zero);
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(first, second), order);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), limited(_mm256_castsi256_si128(bytes), range));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(q), limited(_mm256_extracti128_si256(bytes, 1), range));
  }
  static __m128i limited(__m128i bytes, const CodeRange& range) { return _mm_min_epu8(_mm_max_epu8(bytes, range.low), range.high); }

  static float fold_add(F x) {
    const __m256 s8 = _mm256_add_ps(x.a, x.b);
    const __m128 s4 = _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    const __m128 s2 = _mm_add_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_add_ss(s2, _mm_shuffle_ps(s2, s2, 1)));
  }
  static float fold_max(F x) {
    const __m256 s8 = _mm256_max_ps(x.a, x.b);
    const __m128 s4 = _mm_max_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    const __m128 s2 = _mm_max_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_max_ss(s2, _mm_shuffle_ps(s2, s2, 1)));
  }
  static float fold_min(F x) { return -fold_max(neg(x)); }
};

}  // namespace
