// Panels where the rows of a linear's weight were: loading a model needs no second copy of it, and no fresh pages.
#pragma once
#include "pack.h"

namespace octavo {

// A panel of 16 columns takes exactly the memory of its 16 rows where neither n nor k needs padding. Kernels may read panels
// off cache lines, but slower.
inline bool packs_in_place(const void* weight, size_t n, size_t k, size_t k_multiple) {
  return reinterpret_cast<uintptr_t>(weight) % 64 == 0 && n % OCTAVO_PANEL == 0 && k % k_multiple == 0;
}

// Writes panels over the weight [n][k]. False, and the weight as it was, when there is no memory for one panel.
bool pack_in_place_f32(float* weight, size_t n, size_t k);
bool pack_in_place_s8(const octavo_kernels* kernels, int8_t* codes, size_t n, size_t k, int32_t* sums);

}  // namespace octavo
