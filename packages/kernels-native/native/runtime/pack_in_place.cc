#include "pack_in_place.h"

#include <string.h>

namespace octavo {
namespace {

// pack(rows, panel, first): one panel from its 16 rows, which are columns `first` to `first` + 15 of the product.
template <class T, class Pack> bool pack_in_place(T* weight, size_t n, size_t k, Pack pack) {
  const size_t elements = k * OCTAVO_PANEL;
  Buffer scratch;
  if (!scratch.reserve(elements * sizeof(T))) return false;
  for (size_t first = 0; first < n; first += OCTAVO_PANEL) {
    T* rows = weight + first * k;
    pack(rows, scratch.as<T>(), first);
    if (elements != 0) memcpy(rows, scratch.data(), elements * sizeof(T));
  }
  return true;
}

}  // namespace

bool pack_in_place_f32(float* weight, size_t n, size_t k) {
  return pack_in_place(weight, n, k, [k](const float* rows, float* panel, size_t) { pack_f32(rows, {1, k}, OCTAVO_PANEL, k, panel); });
}

bool pack_in_place_s8(const octavo_kernels* kernels, int8_t* codes, size_t n, size_t k, int32_t* sums) {
  return pack_in_place(codes, n, k, [&](const int8_t* rows, int8_t* panel, size_t first) {
    pack_s8_panels(kernels, {rows, OCTAVO_PANEL, k, k, 1}, panel, sums + first);
  });
}

}  // namespace octavo
