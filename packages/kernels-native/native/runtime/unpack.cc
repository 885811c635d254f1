#include "unpack.h"

#include <string.h>

#include <algorithm>

namespace octavo {
namespace {

// Panels [n / 16][k / kGroup][16][kGroup].
template <size_t kGroup, class T> void unpack(const PackedWeight& weight, T* out) {
  // A block of k at a time: its part of the panel stays in L1 for all columns.
  constexpr size_t kBlock = 256;
  for (size_t first = 0; first < weight.n; first += OCTAVO_PANEL) {
    const T* panel = weight.panels.as<T>() + first / OCTAVO_PANEL * weight.panel_stride;
    const size_t columns = std::min(weight.n - first, size_t(OCTAVO_PANEL));
    for (size_t begin = 0; begin < weight.k; begin += kBlock) {
      const size_t end = std::min(begin + kBlock, weight.k);
      for (size_t j = 0; j < columns; j++) {
        const T* from = panel + begin * OCTAVO_PANEL + j * kGroup;
        T* to = out + (first + j) * weight.k;
        size_t i = begin;
        for (; i + kGroup <= end; i += kGroup, from += kGroup * OCTAVO_PANEL) memcpy(to + i, from, kGroup * sizeof(T));
        if (i < end) memcpy(to + i, from, (end - i) * sizeof(T));
      }
    }
  }
}

}  // namespace

void unpack_f32(const PackedWeight& weight, float* out) { unpack<1>(weight, out); }

void unpack_s8(const PackedWeight& weight, int8_t* out) {
  const octavo_kernels* kernels = weight.kernels;
  switch (kernels->u8s8_group) {
    case 1: unpack<1>(weight, out); break;
    case 2: unpack<2>(weight, out); break;
    case 4: unpack<4>(weight, out); break;
    default: unpack<8>(weight, out); break;
  }
  for (size_t i = 0; kernels->u8s8_flip != 0 && i < weight.n * weight.k; i++) out[i] = int8_t(out[i] ^ kernels->u8s8_flip);
}

}  // namespace octavo
