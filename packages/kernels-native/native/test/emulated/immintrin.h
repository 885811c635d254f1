// <immintrin.h> with the intrinsics of AVX-512, AVX-VNNI and AMX that the kernels use written as loops over lanes, so that
// these kernels can be compiled and tested on a CPU that has AVX2 only. Found before the compiler's own header with -I; an intrinsic that is missing here fails to compile and is one more line.
//
// Semantics: Intel's Intrinsics Guide. Aligned loads and stores trap where their address is not aligned, masked ones
// touch no lane that is off.
#pragma once
#include_next <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

namespace emulated {

struct alignas(64) m512 { float v[16]; };
struct alignas(64) m512i { int32_t v[16]; };

template <class Fn> inline m512 lanes(Fn fn) { m512 r; for (int i = 0; i < 16; i++) r.v[i] = fn(i); return r; }
template <class Fn> inline m512i ints(Fn fn) { m512i r; for (int i = 0; i < 16; i++) r.v[i] = fn(i); return r; }
template <class Fn> inline __mmask16 mask(Fn fn) { unsigned r = 0; for (int i = 0; i < 16; i++) r |= unsigned(fn(i)) << i; return __mmask16(r); }
inline bool on(__mmask16 m, int i) { return m >> i & 1; }
inline uint32_t bits(float x) { uint32_t r; memcpy(&r, &x, 4); return r; }
inline float real(uint32_t x) { float r; memcpy(&r, &x, 4); return r; }
inline void aligned(const void* p) { if (reinterpret_cast<uintptr_t>(p) % 64 != 0) __builtin_trap(); }

inline m512 _mm512_loadu_ps(const void* p) { m512 r; memcpy(&r, p, 64); return r; }
inline m512 _mm512_load_ps(const void* p) { aligned(p); return _mm512_loadu_ps(p); }
inline void _mm512_storeu_ps(void* p, m512 x) { memcpy(p, &x, 64); }
inline void _mm512_store_ps(void* p, m512 x) { aligned(p); _mm512_storeu_ps(p, x); }
inline m512i _mm512_loadu_si512(const void* p) { m512i r; memcpy(&r, p, 64); return r; }
inline m512i _mm512_load_si512(const void* p) { aligned(p); return _mm512_loadu_si512(p); }
inline void _mm512_storeu_si512(void* p, m512i x) { memcpy(p, &x, 64); }
inline void _mm512_store_si512(void* p, m512i x) { aligned(p); _mm512_storeu_si512(p, x); }
inline m512 _mm512_maskz_loadu_ps(__mmask16 m, const void* p) {
  m512 r = {};
  for (int i = 0; i < 16; i++) if (on(m, i)) memcpy(&r.v[i], static_cast<const char*>(p) + i * 4, 4);
  return r;
}
inline void _mm512_mask_storeu_ps(void* p, __mmask16 m, m512 x) {
  for (int i = 0; i < 16; i++) if (on(m, i)) memcpy(static_cast<char*>(p) + i * 4, &x.v[i], 4);
}

inline m512 _mm512_set1_ps(float x) { return lanes([&](int) { return x; }); }
inline m512 _mm512_setzero_ps() { return _mm512_set1_ps(0); }
inline m512i _mm512_set1_epi32(int32_t x) { return ints([&](int) { return x; }); }
inline m512i _mm512_setzero_si512() { return _mm512_set1_epi32(0); }

inline m512 _mm512_add_ps(m512 a, m512 b) { return lanes([&](int i) { return a.v[i] + b.v[i]; }); }
inline m512 _mm512_sub_ps(m512 a, m512 b) { return lanes([&](int i) { return a.v[i] - b.v[i]; }); }
inline m512 _mm512_mul_ps(m512 a, m512 b) { return lanes([&](int i) { return a.v[i] * b.v[i]; }); }
inline m512 _mm512_div_ps(m512 a, m512 b) { return lanes([&](int i) { return a.v[i] / b.v[i]; }); }
inline m512 _mm512_sqrt_ps(m512 a) { return lanes([&](int i) { return sqrtf(a.v[i]); }); }
inline m512 _mm512_fmadd_ps(m512 a, m512 b, m512 c) { return lanes([&](int i) { return fmaf(a.v[i], b.v[i], c.v[i]); }); }
inline m512 _mm512_fnmadd_ps(m512 a, m512 b, m512 c) { return lanes([&](int i) { return fmaf(-a.v[i], b.v[i], c.v[i]); }); }
inline m512 _mm512_max_ps(m512 a, m512 b) { return lanes([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; }); }
inline m512 _mm512_min_ps(m512 a, m512 b) { return lanes([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; }); }
template <int kMode> inline m512 roundscale(m512 a) {
  static_assert(kMode == (_MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), "only round to nearest even is emulated");
  return lanes([&](int i) { return nearbyintf(a.v[i]); });
}
inline m512 _mm512_and_ps(m512 a, m512 b) { return lanes([&](int i) { return real(bits(a.v[i]) & bits(b.v[i])); }); }
inline m512 _mm512_or_ps(m512 a, m512 b) { return lanes([&](int i) { return real(bits(a.v[i]) | bits(b.v[i])); }); }
inline m512 _mm512_xor_ps(m512 a, m512 b) { return lanes([&](int i) { return real(bits(a.v[i]) ^ bits(b.v[i])); }); }
inline m512 _mm512_andnot_ps(m512 a, m512 b) { return lanes([&](int i) { return real(~bits(a.v[i]) & bits(b.v[i])); }); }

template <int kPredicate> inline __mmask16 compare(m512 a, m512 b) {
  static_assert(kPredicate == _CMP_GT_OQ || kPredicate == _CMP_ORD_Q, "this comparison is not emulated");
  if (kPredicate == _CMP_GT_OQ) return mask([&](int i) { return a.v[i] > b.v[i]; });
  return mask([&](int i) { return a.v[i] == a.v[i] && b.v[i] == b.v[i]; });
}
inline m512 _mm512_mask_blend_ps(__mmask16 m, m512 a, m512 b) { return lanes([&](int i) { return on(m, i) ? b.v[i] : a.v[i]; }); }
inline m512 _mm512_maskz_mov_ps(__mmask16 m, m512 a) { return lanes([&](int i) { return on(m, i) ? a.v[i] : 0.0f; }); }
inline float _mm512_reduce_max_ps(m512 a) { float r = a.v[0]; for (const float x : a.v) r = x > r ? x : r; return r; }
inline float _mm512_reduce_min_ps(m512 a) { float r = a.v[0]; for (const float x : a.v) r = x < r ? x : r; return r; }

inline __m256 _mm512_castps512_ps256(m512 a) { return _mm256_loadu_ps(a.v); }
template <int kHalf> inline __m256 extract_half(m512 a) { return _mm256_loadu_ps(a.v + kHalf * 8); }
inline m512 _mm512_castsi512_ps(m512i a) { return _mm512_loadu_ps(&a); }
inline m512i _mm512_castps_si512(m512 a) { return _mm512_loadu_si512(&a); }

inline m512i _mm512_cvttps_epi32(m512 a) {
  return ints([&](int i) { return a.v[i] >= -0x1p31f && a.v[i] < 0x1p31f ? int32_t(a.v[i]) : INT32_MIN; });
}
// Rounds to nearest even, as the rounding mode here always is.
inline m512i _mm512_cvtps_epi32(m512 a) {
  return ints([&](int i) {
    const float x = nearbyintf(a.v[i]);
    return x >= -0x1p31f && x < 0x1p31f ? int32_t(x) : INT32_MIN;
  });
}
inline m512i _mm512_min_epi32(m512i a, m512i b) { return ints([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; }); }
inline m512i _mm512_max_epi32(m512i a, m512i b) { return ints([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; }); }
// 32 bytes as 32 values of 16 bits, two in each lane.
inline m512i _mm512_cvtepu8_epi16(__m256i a) {
  uint8_t u[32];
  memcpy(u, &a, 32);
  return ints([&](int i) { return int32_t(uint32_t(u[2 * i]) | uint32_t(u[2 * i + 1]) << 16); });
}
// Two products of signed 16-bit values, added to a lane without saturation.
inline m512i _mm512_dpwssd_epi32(m512i sum, m512i a, m512i b) {
  int16_t x[32], y[32];
  memcpy(x, &a, 64), memcpy(y, &b, 64);
  return ints([&](int i) {
    return int32_t(uint32_t(sum.v[i]) + uint32_t(x[2 * i] * y[2 * i]) + uint32_t(x[2 * i + 1] * y[2 * i + 1]));
  });
}
inline m512 _mm512_cvtepi32_ps(m512i a) { return lanes([&](int i) { return float(a.v[i]); }); }
inline __m128i _mm512_cvtepi32_epi8(m512i a) {
  uint8_t r[16];
  for (int i = 0; i < 16; i++) r[i] = uint8_t(a.v[i]);
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(r));
}
inline m512i _mm512_cvtepu8_epi32(__m128i a) {
  uint8_t x[16];
  _mm_storeu_si128(reinterpret_cast<__m128i*>(x), a);
  return ints([&](int i) { return int32_t(x[i]); });
}
inline m512i _mm512_xor_si512(m512i a, m512i b) { return ints([&](int i) { return a.v[i] ^ b.v[i]; }); }
inline m512i _mm512_and_si512(m512i a, m512i b) { return ints([&](int i) { return a.v[i] & b.v[i]; }); }
inline m512i _mm512_sub_epi8(m512i a, m512i b) {
  m512i r;
  uint8_t x[64], y[64];
  memcpy(x, &a, 64);
  memcpy(y, &b, 64);
  for (int i = 0; i < 64; i++) x[i] = uint8_t(x[i] - y[i]);
  memcpy(&r, x, 64);
  return r;
}
inline m512i _mm512_add_epi32(m512i a, m512i b) { return ints([&](int i) { return int32_t(uint32_t(a.v[i]) + uint32_t(b.v[i])); }); }
inline m512i _mm512_sub_epi32(m512i a, m512i b) { return ints([&](int i) { return int32_t(uint32_t(a.v[i]) - uint32_t(b.v[i])); }); }
inline m512i _mm512_mullo_epi32(m512i a, m512i b) { return ints([&](int i) { return int32_t(uint32_t(a.v[i]) * uint32_t(b.v[i])); }); }
inline m512i _mm512_srai_epi32(m512i a, unsigned n) { return ints([&](int i) { return a.v[i] >> n; }); }
inline m512i _mm512_slli_epi32(m512i a, unsigned n) { return ints([&](int i) { return int32_t(uint32_t(a.v[i]) << n); }); }
inline m512i _mm512_srli_epi32(m512i a, unsigned n) { return ints([&](int i) { return int32_t(uint32_t(a.v[i]) >> n); }); }
// Four products of an unsigned byte of `a` by a signed byte of `b`, added to a lane without saturation.
inline m512i _mm512_dpbusd_epi32(m512i sum, m512i a, m512i b) {
  uint8_t u[64];
  int8_t s[64];
  memcpy(u, &a, 64), memcpy(s, &b, 64);
  return ints([&](int i) {
    uint32_t r = uint32_t(sum.v[i]);
    for (int j = i * 4; j < i * 4 + 4; j++) r += uint32_t(u[j] * s[j]);
    return int32_t(r);
  });
}

// The same of 8 lanes, as AVX-VNNI has it.
inline __m256i _mm256_dpbusd_avx_epi32(__m256i sum, __m256i a, __m256i b) {
  uint8_t u[32];
  int8_t s[32];
  uint32_t r[8];
  memcpy(u, &a, 32), memcpy(s, &b, 32), memcpy(r, &sum, 32);
  for (int i = 0; i < 32; i++) r[i / 4] += uint32_t(u[i] * s[i]);
  memcpy(&sum, r, 32);
  return sum;
}

}  // namespace emulated

#include "tiles.h"

#define __m512 emulated::m512
#define __m512i emulated::m512i
#define _mm512_loadu_ps emulated::_mm512_loadu_ps
#define _mm512_load_ps emulated::_mm512_load_ps
#define _mm512_storeu_ps emulated::_mm512_storeu_ps
#define _mm512_store_ps emulated::_mm512_store_ps
#define _mm512_loadu_si512 emulated::_mm512_loadu_si512
#define _mm512_load_si512 emulated::_mm512_load_si512
#define _mm512_storeu_si512 emulated::_mm512_storeu_si512
#define _mm512_store_si512 emulated::_mm512_store_si512
#define _mm512_maskz_loadu_ps emulated::_mm512_maskz_loadu_ps
#define _mm512_mask_storeu_ps emulated::_mm512_mask_storeu_ps
#define _mm512_set1_ps emulated::_mm512_set1_ps
#define _mm512_setzero_ps emulated::_mm512_setzero_ps
#define _mm512_set1_epi32 emulated::_mm512_set1_epi32
#define _mm512_setzero_si512 emulated::_mm512_setzero_si512
#define _mm512_add_ps emulated::_mm512_add_ps
#define _mm512_sub_ps emulated::_mm512_sub_ps
#define _mm512_mul_ps emulated::_mm512_mul_ps
#define _mm512_div_ps emulated::_mm512_div_ps
#define _mm512_sqrt_ps emulated::_mm512_sqrt_ps
#define _mm512_fmadd_ps emulated::_mm512_fmadd_ps
#define _mm512_fnmadd_ps emulated::_mm512_fnmadd_ps
#define _mm512_max_ps emulated::_mm512_max_ps
#define _mm512_min_ps emulated::_mm512_min_ps
#undef _mm512_roundscale_ps
#define _mm512_roundscale_ps(a, mode) emulated::roundscale<mode>(a)
#define _mm512_and_ps emulated::_mm512_and_ps
#define _mm512_or_ps emulated::_mm512_or_ps
#define _mm512_xor_ps emulated::_mm512_xor_ps
#define _mm512_andnot_ps emulated::_mm512_andnot_ps
#undef _mm512_cmp_ps_mask
#define _mm512_cmp_ps_mask(a, b, predicate) emulated::compare<predicate>(a, b)
#define _mm512_mask_blend_ps emulated::_mm512_mask_blend_ps
#define _mm512_maskz_mov_ps emulated::_mm512_maskz_mov_ps
#define _mm512_reduce_max_ps emulated::_mm512_reduce_max_ps
#define _mm512_reduce_min_ps emulated::_mm512_reduce_min_ps
#define _mm512_castps512_ps256 emulated::_mm512_castps512_ps256
#undef _mm512_extractf32x8_ps
#define _mm512_extractf32x8_ps(a, half) emulated::extract_half<half>(a)
#define _mm512_castsi512_ps emulated::_mm512_castsi512_ps
#define _mm512_castps_si512 emulated::_mm512_castps_si512
#define _mm512_cvttps_epi32 emulated::_mm512_cvttps_epi32
#define _mm512_cvtps_epi32 emulated::_mm512_cvtps_epi32
#define _mm512_min_epi32 emulated::_mm512_min_epi32
#define _mm512_max_epi32 emulated::_mm512_max_epi32
#define _mm512_cvtepu8_epi16 emulated::_mm512_cvtepu8_epi16
#define _mm512_dpwssd_epi32 emulated::_mm512_dpwssd_epi32
#define _mm512_cvtepi32_ps emulated::_mm512_cvtepi32_ps
#define _mm512_cvtepi32_epi8 emulated::_mm512_cvtepi32_epi8
#define _mm512_cvtepu8_epi32 emulated::_mm512_cvtepu8_epi32
#define _mm512_xor_si512 emulated::_mm512_xor_si512
#define _mm512_and_si512 emulated::_mm512_and_si512
#define _mm512_sub_epi8 emulated::_mm512_sub_epi8
#define _mm512_add_epi32 emulated::_mm512_add_epi32
#define _mm512_sub_epi32 emulated::_mm512_sub_epi32
#define _mm512_mullo_epi32 emulated::_mm512_mullo_epi32
#define _mm512_srai_epi32 emulated::_mm512_srai_epi32
#define _mm512_slli_epi32 emulated::_mm512_slli_epi32
#define _mm512_srli_epi32 emulated::_mm512_srli_epi32
#define _mm512_dpbusd_epi32 emulated::_mm512_dpbusd_epi32
#define _mm256_dpbusd_avx_epi32 emulated::_mm256_dpbusd_avx_epi32
