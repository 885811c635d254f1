// The loops around a GEMM micro-kernel, written once. A micro-kernel adds one K block of an MR x (NP * 16) tile to
// 32-bit accumulators in memory; the epilogue turns a tile's accumulators into float rows of C while they are in L1.
//
//   for each group of panels (NP * 16 columns):      B: NP panels, streamed once per call
//     for each K block:                              so that panels * K block stays in L1
//       for each strip of MR rows:  micro-kernel     A: MR rows, from L2
//     epilogue over the strips
//
// K blocks resume the stored partial sums, so blocking never changes a bit.
#pragma once
#include "../../include/octavo_kernels.h"
#include "../../simd/elementary.h"

namespace {

inline size_t min_size(size_t a, size_t b) { return a < b ? a : b; }

inline Simd::F activate(Simd::F x, octavo_activation activation) {
  switch (activation) {
    case OCTAVO_ACT_RELU: return Elementary::relu(x);
    case OCTAVO_ACT_GELU: return Elementary::gelu(x);
    case OCTAVO_ACT_RELU6: return Elementary::relu6(x);
    case OCTAVO_ACT_GELU_TANH: return Elementary::gelu_tanh(x);
    default: return x;
  }
}

// Stores 16 columns of a row of C, or the `count` that exist.
inline void store_columns(float* c, Simd::F x, size_t count) {
  if (count >= OCTAVO_PANEL) Simd::store(c, x);
  else Simd::store_first(c, x, count);
}

// One micro-kernel instance: `a` at the strip's first row and K block, `b` at the group's first panel and K block;
// `acc` rows are `stride` elements apart; `resume` continues the sums there instead of starting from zero.
template <class A, class B, class Acc>
using MicroKernel = void (*)(const A* a, size_t lda, const B* b, size_t panel_stride, size_t k, Acc* acc, size_t stride, bool resume);

// What finishes the sums of a panel: epilogue(column, count, row, rows, acc, stride) takes `rows` rows from row `row` on, `acc`
// being at the first of them. A reference to any such function: the loops around a micro-kernel are then compiled once
// and not for each epilogue, and a panel is long enough for the call to cost nothing.
template <class Acc> class PanelEpilogue {
 public:
  template <class Finish>
  PanelEpilogue(const Finish& finish)
      : finish_(&finish), call_([](const void* self, size_t column, size_t count, size_t row, size_t rows, Acc* acc, size_t stride) {
          (*static_cast<const Finish*>(self))(column, count, row, rows, acc, stride);
        }) {}
  void operator()(size_t column, size_t count, size_t row, size_t rows, Acc* acc, size_t stride) const {
    call_(finish_, column, count, row, rows, acc, stride);
  }

 private:
  const void* finish_;
  void (*call_)(const void*, size_t, size_t, size_t, size_t, Acc*, size_t);
};

// Micro: { A, B, Acc types; kRows; kPanels (largest NP of a full strip); kBlock; get(rows, panels);
//          panels_for(rows): how many panels a call of few rows takes at once }.
// blocks(panel, panels, k0, kc): a group's first panel at the K block, and the elements from one panel to the next.
template <class B> struct PanelBlock {
  const B* first;
  size_t panel_stride;
};
template <class Micro, class Blocks>
inline void drive_gemm(size_t m, size_t n, size_t k, const typename Micro::A* a, size_t lda, size_t group, Blocks blocks,
                       const PanelEpilogue<typename Micro::Acc>& epilogue) {
  const size_t panels = (n + OCTAVO_PANEL - 1) / OCTAVO_PANEL;
  alignas(64) typename Micro::Acc acc[Micro::kAccumulators];
  for (size_t p = 0; p < panels; p += group) {
    const size_t np = min_size(group, panels - p);
    const size_t stride = np * OCTAVO_PANEL;
    for (size_t k0 = 0; k0 == 0 || k0 < k; k0 += Micro::kBlock) {
      const size_t kc = min_size(Micro::kBlock, k - k0);
      const PanelBlock<typename Micro::B> block = blocks(p, np, k0, kc);
      for (size_t r = 0; r < m; r += Micro::kRows) {
        const size_t rows = min_size(Micro::kRows, m - r);
        Micro::get(rows, np)(a + r * lda + k0, lda, block.first, block.panel_stride, kc, acc + r * stride, stride, k0 != 0);
      }
    }
    for (size_t q = 0; q < np; q++) {
      const size_t column = (p + q) * OCTAVO_PANEL;
      epilogue(column, min_size(OCTAVO_PANEL, n - column), size_t(0), m, acc + q * OCTAVO_PANEL, stride);
    }
  }
}

// Over panels in memory, rows of which are `b_row` elements apart.
template <class Micro>
inline void drive_gemm(size_t m, size_t n, size_t k, const typename Micro::A* a, size_t lda, const typename Micro::B* b,
                       size_t panel_stride, size_t b_row, const PanelEpilogue<typename Micro::Acc>& epilogue) {
  const auto blocks = [=](size_t p, size_t, size_t k0, size_t) {
    return PanelBlock<typename Micro::B>{b + p * panel_stride + k0 * b_row, panel_stride};
  };
  drive_gemm<Micro>(m, n, k, a, lda, Micro::panels_for(m), blocks, epilogue);
}

// Calls run(finish) with the activation of a GEMM as a function of 16 columns.
template <class Run> inline void with_activation(octavo_activation activation, Run run) {
  if (activation == OCTAVO_ACT_NONE) run([](Simd::F x) { return x; });
  else run([activation](Simd::F x) { return activate(x, activation); });
}

// Columns of an operand that has a value for each, `count` of which exist; `absent` where there is no such operand.
inline Simd::F column_values(const float* values, size_t column, size_t count, float absent) {
  if (values == nullptr) return Simd::set1(absent);
  return count >= OCTAVO_PANEL ? Simd::load(values + column) : Simd::load_first(values + column, count);
}

// What comes behind the sums of a panel's columns: bias, batch norm, activation. Of these -0 and 1 change nothing: x + -0 and
// fma(x, 1, -0) have the bits of x. Calls run(finish); g: a GEMM or depthwise convolution of floats.
template <class G, class Run> inline void with_steps(const G* g, size_t column, size_t count, Run run) {
  const Simd::F bias = column_values(g->bias, column, count, -0.0f);
  const Simd::F alpha = column_values(g->alpha, column, count, 1), beta = column_values(g->beta, column, count, -0.0f);
  const auto with_norm = [&](auto activation) {
    run([=](Simd::F x) { return activation(Simd::fma(Simd::add(x, bias), alpha, beta)); });
  };
  switch (g->activation) {
    case OCTAVO_ACT_NONE: return with_norm([](Simd::F x) { return x; });
    case OCTAVO_ACT_RELU: return with_norm([](Simd::F x) { return Elementary::relu(x); });
    case OCTAVO_ACT_RELU6: return with_norm([](Simd::F x) { return Elementary::relu6(x); });
    default: return with_norm([activation = g->activation](Simd::F x) { return activate(x, activation); });
  }
}

// Rows of C from the float sums of a panel's 16 columns. G: a GEMM of floats, for its bias, c and ldc.
template <class G, class Finish>
inline void finish_floats(const G* g, size_t column, size_t count, size_t row, size_t rows, const float* acc, size_t stride, Finish finish) {
  for (size_t r = row; r < row + rows; r++, acc += stride) {
    Simd::F x = Simd::load(acc);
    if (g->bias) {
      const float* bias = g->bias + column;
      x = Simd::add(x, count >= OCTAVO_PANEL ? Simd::load(bias) : Simd::load_first(bias, count));
    }
    store_columns(g->c + r * g->ldc + column, finish(x), count);
  }
}

template <class Micro> inline void gemm_f32(const octavo_gemm_f32* g) {
  drive_gemm<Micro>(g->m, g->n, g->k, g->a, g->lda, g->b, g->k * OCTAVO_PANEL, OCTAVO_PANEL,
                    [&](size_t column, size_t count, size_t row, size_t rows, const float* acc, size_t stride) {
                      with_steps(g, column, count, [=](auto finish) {
                        float* c = g->c + row * g->ldc + column;
                        for (size_t r = 0; r < rows; r++, c += g->ldc) store_columns(c, finish(Simd::load(acc + r * stride)), count);
                      });
                    });
}

// Calls run(epilogue) with what makes float rows of C of exact sums.
template <class Run> inline void with_float_epilogue(const octavo_gemm_u8s8* g, Run run) {
  with_activation(g->activation, [&](auto finish) {
    run([g, finish](size_t column, size_t count, size_t row, size_t rows, const int32_t* acc, size_t stride) {
      for (size_t r = row; r < row + rows; r++, acc += stride) {
        const Simd::I zero = Simd::set1_i32(g->a_zeros[r]);
        Simd::I sum = Simd::sub_i32(Simd::load_i32(acc), Simd::mul_i32(zero, Simd::load_i32(g->b_sums + column)));
        if (g->b_zeros) {
          sum = Simd::sub_i32(sum, Simd::mul_i32(Simd::set1_i32(g->a_sums[r]), Simd::load_i32(g->b_zeros + column)));
        }
        const Simd::F scale = Simd::mul(Simd::set1(g->a_scales[r]), Simd::load(g->b_scales + column));
        const Simd::F product = Simd::to_float(sum);
        const Simd::F x = g->bias ? Simd::fma(product, scale, Simd::load(g->bias + column)) : Simd::mul(product, scale);
        store_columns(g->c + r * g->ldc + column, finish(x), count);
      }
    });
  });
}

// The integer GEMM over A codes that the micro-kernel can read in place: [m][lda], K padded with zeros to the panels'.
template <class Micro>
inline void gemm_u8s8_padded(const octavo_gemm_u8s8* g, const typename Micro::A* a, size_t lda, size_t k_padded) {
  with_float_epilogue(g, [&](auto epilogue) {
    drive_gemm<Micro>(g->m, g->n, k_padded, a, lda, g->b, k_padded * OCTAVO_PANEL, OCTAVO_PANEL, epilogue);
  });
}

}  // namespace
