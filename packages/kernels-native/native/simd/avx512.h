// 16 float lanes as one zmm register.
#pragma once
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "look_up__avx2.h"

namespace {

struct Simd {
  using F = __m512;
  using I = __m512i;
  using M = __mmask16;

  static M first(size_t n) { return static_cast<M>((1u << n) - 1u); }
  // Positions of a depthwise convolution whose sums lie in registers together: as many as AVX2, and rows of image networks are multiples of 7.
  static constexpr size_t kDepthwisePositions = 7;
  static F load(const float* p) { return _mm512_loadu_ps(p); }
  static F load_first(const float* p, size_t n) { return _mm512_maskz_loadu_ps(first(n), p); }
  static void store(float* p, F x) { _mm512_storeu_ps(p, x); }
  static void store_first(float* p, F x, size_t n) { _mm512_mask_storeu_ps(p, first(n), x); }
  static F set1(float x) { return _mm512_set1_ps(x); }
  static F zero() { return _mm512_setzero_ps(); }

  static F add(F x, F y) { return _mm512_add_ps(x, y); }
  static F sub(F x, F y) { return _mm512_sub_ps(x, y); }
  static F mul(F x, F y) { return _mm512_mul_ps(x, y); }
  static F div(F x, F y) { return _mm512_div_ps(x, y); }
  static F sqrt(F x) { return _mm512_sqrt_ps(x); }
  static F fma(F x, F y, F z) { return _mm512_fmadd_ps(x, y, z); }
  static F fnma(F x, F y, F z) { return _mm512_fnmadd_ps(x, y, z); }
  static F max(F x, F y) { return _mm512_max_ps(x, y); }
  static F min(F x, F y) { return _mm512_min_ps(x, y); }
  static F rint(F x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static F abs(F x) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), x); }
  static F neg(F x) { return _mm512_xor_ps(_mm512_set1_ps(-0.0f), x); }
  static F with_sign(F x, F sign) { return _mm512_or_ps(abs(x), _mm512_and_ps(_mm512_set1_ps(-0.0f), sign)); }

  static M greater(F x, F y) { return _mm512_cmp_ps_mask(x, y, _CMP_GT_OQ); }
  static M ordered(F x) { return _mm512_cmp_ps_mask(x, x, _CMP_ORD_Q); }
  static M finite(F x) { return ordered(sub(x, x)); }
  static F select(M m, F yes, F no) { return _mm512_mask_blend_ps(m, no, yes); }
  static F keep(M m, F x) { return _mm512_maskz_mov_ps(m, x); }

  static I to_int(F x) { return _mm512_cvttps_epi32(x); }
  static F to_float(I x) { return _mm512_cvtepi32_ps(x); }
  static I load_i32(const int32_t* p) { return _mm512_loadu_si512(p); }
  static I set1_i32(int32_t x) { return _mm512_set1_epi32(x); }
  static I to_nearest(F x) { return _mm512_cvtps_epi32(x); }
  static I add_i32(I x, I y) { return _mm512_add_epi32(x, y); }
  static I min_i32(I x, I y) { return _mm512_min_epi32(x, y); }
  static I max_i32(I x, I y) { return _mm512_max_epi32(x, y); }
  static I add_pairs(I sum, const uint8_t* x, const uint8_t* y, const int16_t* weights) {
    const __m128i u = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x)), v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(y));
    const __m256i pairs = _mm256_set_m128i(_mm_unpackhi_epi8(u, v), _mm_unpacklo_epi8(u, v));
    return _mm512_dpwssd_epi32(sum, _mm512_cvtepu8_epi16(pairs), _mm512_loadu_si512(weights));
  }
  // The same of 32 channels, two panels side by side.
  struct Wide { I v[2]; };
  static Wide wide_zero() { return {{_mm512_set1_epi32(0), _mm512_set1_epi32(0)}}; }
  static Wide add_pairs_wide(Wide sum, const uint8_t* x, const uint8_t* y, const int16_t* weights) {
    return {{add_pairs(sum.v[0], x, y, weights), add_pairs(sum.v[1], x + 16, y + 16, weights + 32)}};
  }
  // One pair of taps of 32 channels, 16 from each of two panels, in the order of `add_pairs_wide`.
  static void wide_weights(const int16_t* first, const int16_t* second, int16_t* out) {
    _mm512_storeu_si512(out, _mm512_loadu_si512(first));
    _mm512_storeu_si512(out + 32, _mm512_loadu_si512(second));
  }
  static void narrow(Wide sum, I* sums) { sums[0] = sum.v[0], sums[1] = sum.v[1]; }
  static I sub_i32(I x, I y) { return _mm512_sub_epi32(x, y); }
  static I mul_i32(I x, I y) { return _mm512_mullo_epi32(x, y); }
  static I half(I x) { return _mm512_srai_epi32(x, 1); }
  static F pow2(I e) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(e, _mm512_set1_epi32(127)), 23)); }
  static I load_u8(const uint8_t* p) { return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static I xor_i32(I x, I y) { return _mm512_xor_si512(x, y); }
  static I and_i32(I x, I y) { return _mm512_and_si512(x, y); }
  static I shift_right(I x, int bits) { return _mm512_srli_epi32(x, unsigned(bits)); }
  // Each of a lane's four bytes for itself.
  static I sub_bytes(I x, I y) { return _mm512_sub_epi8(x, y); }
  // byte `Byte` of each lane, signed, times 2^24.
  template <int Byte> static I byte_at_top(I x) {
    return _mm512_and_si512(_mm512_slli_epi32(x, 24 - 8 * Byte), _mm512_set1_epi32(int32_t(0xFF000000u)));
  }
  static void look_up(const uint8_t* table, const uint8_t* x, uint8_t* y, size_t n) { look_up_avx2(table, x, y, n); }
  static void store_u8(uint8_t* p, I x) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(x)); }
  // clamp(x + zero, low, high) as bytes, 0 <= zero, low, high <= 255; limits move by zero, so that no sum overflows.
  struct CodeRange {
    I zero, low, high;
    CodeRange(int32_t zero_point, int32_t least, int32_t most)
        : zero(set1_i32(zero_point)), low(set1_i32(least - zero_point)), high(set1_i32(most - zero_point)) {}
  };
  static void store_steps(uint8_t* p, I x, const CodeRange& range) {
    store_u8(p, add_i32(min_i32(max_i32(x, range.low), range.high), range.zero));
  }
  static void store_steps(uint8_t* p, I x, uint8_t* q, I y, const CodeRange& range) {
    store_steps(p, x, range);
    store_steps(q, y, range);
  }

  static float fold_add(F x) {
    const __m256 s8 = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    const __m128 s4 = _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    const __m128 s2 = _mm_add_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_add_ss(s2, _mm_shuffle_ps(s2, s2, 1)));
  }
  static float fold_max(F x) { return _mm512_reduce_max_ps(x); }
  static float fold_min(F x) { return _mm512_reduce_min_ps(x); }
};

}  // namespace
