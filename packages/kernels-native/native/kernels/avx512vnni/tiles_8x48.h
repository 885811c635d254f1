// The tiles that both GEMMs of this instruction set have: up to 8 rows by 3 panels, or up to 3 rows by 6, so that never
// more than 24 of the 32 registers are accumulators.
#pragma once
#include "../generic/gemm.h"

namespace {

struct Tiles8x48 {
  static constexpr size_t kRows = 8;
  static constexpr size_t kAccumulators = OCTAVO_GEMM_ROWS * 3 * OCTAVO_PANEL;
  static size_t panels_for(size_t m) { return m <= 3 ? 6 : 3; }

  // The instance of Micro::tile<rows, panels>.
  template <class Micro> static typename Micro::Kernel pick(size_t rows, size_t panels) {
    static constexpr typename Micro::Kernel (*by_rows[8])(size_t) = {few<Micro, 1>,  few<Micro, 2>,  few<Micro, 3>,  many<Micro, 4>,
                                                                     many<Micro, 5>, many<Micro, 6>, many<Micro, 7>, many<Micro, 8>};
    return by_rows[rows - 1](panels);
  }

 private:
  template <class Micro, int MR> static typename Micro::Kernel few(size_t panels) {
    static constexpr typename Micro::Kernel table[6] = {Micro::template tile<MR, 1>, Micro::template tile<MR, 2>, Micro::template tile<MR, 3>,
                                                        Micro::template tile<MR, 4>, Micro::template tile<MR, 5>, Micro::template tile<MR, 6>};
    return table[panels - 1];
  }
  template <class Micro, int MR> static typename Micro::Kernel many(size_t panels) {
    static constexpr typename Micro::Kernel table[3] = {Micro::template tile<MR, 1>, Micro::template tile<MR, 2>, Micro::template tile<MR, 3>};
    return table[panels - 1];
  }
};

}  // namespace
