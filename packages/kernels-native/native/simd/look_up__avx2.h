// A table of 256 bytes looked up by pshufb, for AVX2 and what includes it. Each of 16 shuffles answers for the bytes of
// one high nibble and gives 0 for others: minus the nibble's base they lie in 0..15 or, unsigned, above, and a
// saturating 0x70 moves just those above to 0x80 and more, where pshufb writes zeros.
#pragma once
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

namespace {

inline void look_up_avx2(const uint8_t* table, const uint8_t* x, uint8_t* y, size_t n) {
  size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    const __m256i base = _mm256_set1_epi8(16);
    const __m256i top = _mm256_set1_epi8(0x70);
    __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i));
    __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i + 32));
    __m256i ya = _mm256_setzero_si256(), yb = ya;
    for (int part = 0; part < 16; part++) {
      const __m256i row = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table + part * 16)));
      ya = _mm256_or_si256(ya, _mm256_shuffle_epi8(row, _mm256_adds_epu8(a, top)));
      yb = _mm256_or_si256(yb, _mm256_shuffle_epi8(row, _mm256_adds_epu8(b, top)));
      a = _mm256_sub_epi8(a, base), b = _mm256_sub_epi8(b, base);
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + i), ya);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + i + 32), yb);
  }
  for (; i < n; i++) y[i] = table[x[i]];
}

}  // namespace
