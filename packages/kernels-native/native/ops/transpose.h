// Transposition of a dense matrix [rows][columns] into `to`, whose rows lie `to_step` elements apart. Blocks of 16 x 16
// bytes and 4 x 4 words go through registers; every x86-64 has the instructions.
#pragma once
#include <stddef.h>
#include <stdint.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace octavo {

template <class T> void transpose_plain(const T* from, size_t from_step, size_t rows, size_t columns, T* to, size_t to_step) {
  for (size_t c = 0; c < columns; c++) {
    for (size_t r = 0; r < rows; r++) to[c * to_step + r] = from[r * from_step + c];
  }
}

#if defined(__SSE2__)
// Interleaving the first half of 16 rows with the second, four times, is the transposition.
inline void transpose_block(const uint8_t* from, size_t from_step, uint8_t* to, size_t to_step) {
  __m128i x[16], y[16];
  for (int i = 0; i < 16; i++) x[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i * from_step));
  for (int round = 0; round < 4; round++) {
    for (int i = 0; i < 8; i++) y[2 * i] = _mm_unpacklo_epi8(x[i], x[i + 8]), y[2 * i + 1] = _mm_unpackhi_epi8(x[i], x[i + 8]);
    for (int i = 0; i < 16; i++) x[i] = y[i];
  }
  for (int i = 0; i < 16; i++) _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i * to_step), x[i]);
}

inline void transpose_block(const uint32_t* from, size_t from_step, uint32_t* to, size_t to_step) {
  const auto row = [&](size_t i) { return _mm_castsi128_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i * from_step))); };
  __m128 a = row(0), b = row(1), c = row(2), d = row(3);
  _MM_TRANSPOSE4_PS(a, b, c, d);
  const __m128 out[4] = {a, b, c, d};
  for (size_t i = 0; i < 4; i++) _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i * to_step), _mm_castps_si128(out[i]));
}
#endif

template <class T> void transpose(const T* from, size_t from_step, size_t rows, size_t columns, T* to, size_t to_step) {
#if defined(__SSE2__)
  constexpr size_t kBlock = 16 / sizeof(T);
  const size_t whole_rows = rows / kBlock * kBlock, whole_columns = columns / kBlock * kBlock;
  for (size_t c = 0; c < whole_columns; c += kBlock) {
    for (size_t r = 0; r < whole_rows; r += kBlock) transpose_block(from + r * from_step + c, from_step, to + c * to_step + r, to_step);
  }
  transpose_plain(from + whole_columns, from_step, whole_rows, columns - whole_columns, to + whole_columns * to_step, to_step);
  transpose_plain(from + whole_rows * from_step, from_step, rows - whole_rows, columns, to + whole_rows, to_step);
#else
  transpose_plain(from, from_step, rows, columns, to, to_step);
#endif
}

}  // namespace octavo
