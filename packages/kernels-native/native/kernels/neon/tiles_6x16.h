// The tiles of GEMMs whose accumulators are four registers a panel and row: up to 6 rows by 1 panel, 3 by 2 or 1 by 4,
// so that never more than 24 of the 32 registers are accumulators.
#pragma once
#include "../generic/gemm.h"

namespace {

// Loads do not move above this: with all columns of a step loaded first, accumulators would have to leave the registers.
inline void load_later() {
#if defined(__GNUC__)
  __asm__ volatile("" ::: "memory");
#endif
}

struct Tiles6x16 {
  static constexpr size_t kRows = 6;
  static constexpr size_t kAccumulators = OCTAVO_GEMM_ROWS * OCTAVO_PANEL;
  // Few rows leave accumulators free: more panels at once hide the latency of the multiplications.
  static size_t panels_for(size_t m) { return m == 1 ? 4 : m <= 3 ? 2 : 1; }

  // The instance of Micro::tile<rows, panels>.
  template <class Micro> static typename Micro::Kernel pick(size_t rows, size_t panels) {
    static constexpr typename Micro::Kernel table[6][4] = {
        {Micro::template tile<1, 1>, Micro::template tile<1, 2>, Micro::template tile<1, 3>, Micro::template tile<1, 4>},
        {Micro::template tile<2, 1>, Micro::template tile<2, 2>, nullptr, nullptr},
        {Micro::template tile<3, 1>, Micro::template tile<3, 2>, nullptr, nullptr},
        {Micro::template tile<4, 1>, nullptr, nullptr, nullptr},
        {Micro::template tile<5, 1>, nullptr, nullptr, nullptr},
        {Micro::template tile<6, 1>, nullptr, nullptr, nullptr}};
    return table[rows - 1][panels - 1];
  }
};

}  // namespace
