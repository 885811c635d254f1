// Between [channels][positions] and [positions][channels].
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace octavo {

// to[j][i] = from[i][j] for `rows` rows of `columns` elements, `from_step` and `to_step` elements from row to row.
void transpose(const uint8_t* from, size_t from_step, size_t rows, size_t columns, uint8_t* to, size_t to_step);
void transpose(const float* from, size_t from_step, size_t rows, size_t columns, float* to, size_t to_step);

}  // namespace octavo
