#include "transpose.h"

#if defined(__SSE2__)
#include <xmmintrin.h>

#include <emmintrin.h>
#endif

namespace octavo {
namespace {

// As many rows as the compiler knows, such as the channels of a picture.
template <size_t Rows, class T> void transpose_few(const T* from, size_t from_step, size_t columns, T* to, size_t to_step) {
  for (size_t j = 0; j < columns; j++) {
    for (size_t i = 0; i < Rows; i++) to[j * to_step + i] = from[i * from_step + j];
  }
}

template <class T>
void transpose_plain(const T* from, size_t from_step, size_t rows, size_t columns, T* to, size_t to_step) {
  if (rows == 3) return transpose_few<3>(from, from_step, columns, to, to_step);
  if (rows == 4) return transpose_few<4>(from, from_step, columns, to, to_step);
  for (size_t j = 0; j < columns; j++) {
    for (size_t i = 0; i < rows; i++) to[j * to_step + i] = from[i * from_step + j];
  }
}

#if defined(__SSE2__)
constexpr bool kBlocks = true;

// 16 by 16 bytes: four rounds that interleave rows i and i + 8.
void transpose_block(const uint8_t* from, size_t from_step, uint8_t* to, size_t to_step) {
  __m128i x[16], y[16];
  for (int i = 0; i < 16; i++) x[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + size_t(i) * from_step));
  for (int round = 0; round < 4; round++) {
    for (int i = 0; i < 8; i++) {
      y[2 * i] = _mm_unpacklo_epi8(x[i], x[i + 8]);
      y[2 * i + 1] = _mm_unpackhi_epi8(x[i], x[i + 8]);
    }
    for (int i = 0; i < 16; i++) x[i] = y[i];
  }
  for (int i = 0; i < 16; i++) _mm_storeu_si128(reinterpret_cast<__m128i*>(to + size_t(i) * to_step), x[i]);
}

void transpose_block(const float* from, size_t from_step, float* to, size_t to_step) {
  for (size_t i = 0; i < 16; i += 4) {
    for (size_t j = 0; j < 16; j += 4) {
      const float* block = from + i * from_step + j;
      __m128 r0 = _mm_loadu_ps(block), r1 = _mm_loadu_ps(block + from_step);
      __m128 r2 = _mm_loadu_ps(block + 2 * from_step), r3 = _mm_loadu_ps(block + 3 * from_step);
      _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
      float* out = to + j * to_step + i;
      _mm_storeu_ps(out, r0), _mm_storeu_ps(out + to_step, r1);
      _mm_storeu_ps(out + 2 * to_step, r2), _mm_storeu_ps(out + 3 * to_step, r3);
    }
  }
}
#else
constexpr bool kBlocks = false;
template <class T> void transpose_block(const T*, size_t, T*, size_t) {}
#endif

template <class T>
void transpose_blocks(const T* from, size_t from_step, size_t rows, size_t columns, T* to, size_t to_step) {
  const size_t whole_rows = kBlocks ? rows / 16 * 16 : 0, whole_columns = kBlocks ? columns / 16 * 16 : 0;
  for (size_t j = 0; j < whole_columns; j += 16) {
    for (size_t i = 0; i < whole_rows; i += 16) transpose_block(from + i * from_step + j, from_step, to + j * to_step + i, to_step);
  }
  transpose_plain(from + whole_columns, from_step, whole_rows, columns - whole_columns, to + whole_columns * to_step, to_step);
  transpose_plain(from + whole_rows * from_step, from_step, rows - whole_rows, columns, to + whole_rows, to_step);
}

}  // namespace

void transpose(const uint8_t* from, size_t from_step, size_t rows, size_t columns, uint8_t* to, size_t to_step) {
  transpose_blocks(from, from_step, rows, columns, to, to_step);
}

void transpose(const float* from, size_t from_step, size_t rows, size_t columns, float* to, size_t to_step) {
  transpose_blocks(from, from_step, rows, columns, to, to_step);
}

}  // namespace octavo
