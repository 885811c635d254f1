// The float GEMM over weights of 8 or 4 bits. One row reads every weight once, so they are unpacked in registers, two
// panels at a time: that leaves room for both panels' scales and zeros, and hides the latency of an FMA chain. More rows
// share a K block that is unpacked into L1 for the float micro-kernel.
#pragma once
#include "gemm.h"

namespace {

// One panel of an `octavo_gemm_f32_codes`, whose codes lie `32 / bits` to a word.
template <size_t Bits> struct CodePanel {
  static constexpr size_t kWord = 32 / Bits;  // values of k
  const int32_t* words;
  const float* scales;
  const uint8_t* zeros;
  CodePanel(const octavo_gemm_f32_codes* g, size_t panel)
      : words(reinterpret_cast<const int32_t*>(g->codes) + panel * ((g->k + kWord - 1) / kWord) * OCTAVO_PANEL),
        scales(g->scales + panel * g->groups * OCTAVO_PANEL), zeros(g->zeros + panel * g->groups * OCTAVO_PANEL) {}
  Simd::F scale(size_t group) const { return Simd::load(scales + group * OCTAVO_PANEL); }
  Simd::I zero(size_t group) const { return Simd::load_u8(zeros + group * OCTAVO_PANEL); }
  Simd::I row(size_t k) const { return Simd::load_i32(words + k / kWord * OCTAVO_PANEL); }
  // The 16 weights of one k of a group.
  Simd::F weights(size_t k, Simd::F zero, Simd::F scale) const {
    const Simd::I code = Simd::and_i32(Simd::shift_right(row(k), int(k % kWord * Bits)), Simd::set1_i32((1 << Bits) - 1));
    return Simd::mul(Simd::sub(Simd::to_float(code), zero), scale);
  }
};

// Calls run(group, from, to) for the values of k of each group that lie in [k0, k1).
template <class Run> inline void for_groups(size_t k0, size_t k1, size_t group, Run run) {
  while (k0 < k1) {
    const size_t to = min_size((k0 / group + 1) * group, k1);
    run(k0 / group, k0, to);
    k0 = to;
  }
}

// Rows k0 to k0 + kc of a panel as floats [kc][16].
template <size_t Bits> inline void unpack_panel(const CodePanel<Bits>& panel, size_t group, size_t k0, size_t kc, float* out) {
  for_groups(k0, k0 + kc, group, [&](size_t g, size_t from, size_t to) {
    const Simd::F zero = Simd::to_float(panel.zero(g)), scale = panel.scale(g);
    for (size_t i = from; i < to; i++, out += OCTAVO_PANEL) Simd::store(out, panel.weights(i, zero, scale));
  });
}

// sums[p] += one row times the columns of panel p for k in [k0, k1), a chain in ascending k each.
template <size_t Bits, int Panels>
inline void multiply_steps(const octavo_gemm_f32_codes* g, const CodePanel<Bits>* panels, size_t k0, size_t k1, Simd::F* sums) {
  for_groups(k0, k1, g->group, [&](size_t group, size_t from, size_t to) {
    for (int p = 0; p < Panels; p++) {
      const Simd::F zero = Simd::to_float(panels[p].zero(group)), scale = panels[p].scale(group);
      for (size_t i = from; i < to; i++) sums[p] = Simd::fma(Simd::set1(g->a[i]), panels[p].weights(i, zero, scale), sums[p]);
    }
  });
}

// What a group's zeros and scales are to codes at the tops of their lanes. Such a lane is 2^24 times a difference from the
// zero, with its sign, and the scale holds 2^-24: the product is exact where the weight's is, and rounds as the weight does.
// Bytes are moved there by one shuffle, where unpacking them from their places would take a shift and a mask.
template <size_t Bits> struct TopCodes;
template <> struct TopCodes<8> {
  Simd::F zero, scale;
  TopCodes(Simd::I zeros, Simd::F scales)
      : zero(Simd::mul(Simd::to_float(Simd::sub_i32(zeros, Simd::set1_i32(128))), Simd::set1(0x1p24f))),
        scale(Simd::mul(scales, Simd::set1(0x1p-24f))) {}
  struct Word { Simd::I bytes; };
  // A top byte is signed: 128 less than the code.
  Word open(Simd::I words) const { return {Simd::xor_i32(words, Simd::set1_i32(int32_t(0x80808080u)))}; }
  template <int Byte> Simd::F add(const float* x, const Word& word, Simd::F sum) const {
    const Simd::F weight = Simd::mul(Simd::sub(Simd::to_float(Simd::byte_at_top<Byte>(word.bytes)), zero), scale);
    return Simd::fma(Simd::set1(x[Byte]), weight, sum);
  }
};
template <> struct TopCodes<4> {
  Simd::I zero;
  Simd::F scale;
  TopCodes(Simd::I zeros, Simd::F scales)
      : zero(Simd::mul_i32(zeros, Simd::set1_i32(0x01010101))), scale(Simd::mul(scales, Simd::set1(0x1p-24f))) {}
  // Differences of 4-bit codes are signed bytes: subtracted four at once.
  struct Word { Simd::I low, high; };
  Word open(Simd::I words) const {
    const Simd::I halves = Simd::set1_i32(0x0F0F0F0F);
    return {Simd::sub_bytes(Simd::and_i32(words, halves), zero), Simd::sub_bytes(Simd::and_i32(Simd::shift_right(words, 4), halves), zero)};
  }
  template <int Byte> Simd::F add(const float* x, const Word& word, Simd::F sum) const {
    const auto weight = [&](Simd::I bytes) { return Simd::mul(Simd::to_float(Simd::byte_at_top<Byte>(bytes)), scale); };
    sum = Simd::fma(Simd::set1(x[2 * Byte]), weight(word.low), sum);
    return Simd::fma(Simd::set1(x[2 * Byte + 1]), weight(word.high), sum);
  }
};

// The same over whole words, which groups must be made of: fewer instructions for each weight.
template <size_t Bits, int Panels>
inline void multiply_words(const octavo_gemm_f32_codes* g, const CodePanel<Bits>* panels, size_t k, Simd::F* sums) {
  for_groups(0, k, g->group, [&](size_t group, size_t from, size_t to) {
    const TopCodes<Bits> codes[2] = {{panels[0].zero(group), panels[0].scale(group)},
                                     {panels[Panels - 1].zero(group), panels[Panels - 1].scale(group)}};
    Simd::F sum[2] = {sums[0], sums[Panels - 1]};
    for (size_t i = from; i < to; i += 32 / Bits) {
      const float* x = g->a + i;
      const typename TopCodes<Bits>::Word words[2] = {codes[0].open(panels[0].row(i)), codes[1].open(panels[Panels - 1].row(i))};
#pragma GCC unroll 2
      for (int p = 0; p < Panels; p++) sum[p] = codes[p].template add<0>(x, words[p], sum[p]);
#pragma GCC unroll 2
      for (int p = 0; p < Panels; p++) sum[p] = codes[p].template add<1>(x, words[p], sum[p]);
#pragma GCC unroll 2
      for (int p = 0; p < Panels; p++) sum[p] = codes[p].template add<2>(x, words[p], sum[p]);
#pragma GCC unroll 2
      for (int p = 0; p < Panels; p++) sum[p] = codes[p].template add<3>(x, words[p], sum[p]);
    }
    for (int p = 0; p < Panels; p++) sums[p] = sum[p];
  });
}

template <size_t Bits, int Panels, class Finish>
inline void row_of_panels(const octavo_gemm_f32_codes* g, size_t panel, Finish finish) {
  const CodePanel<Bits> panels[2] = {{g, panel}, {g, panel + Panels - 1}};
  Simd::F sums[Panels];
  for (int p = 0; p < Panels; p++) sums[p] = Simd::zero();
  constexpr size_t kWord = CodePanel<Bits>::kWord;
  const bool whole = g->prescalable && (g->group % kWord == 0 || g->groups == 1);
  const size_t words = whole ? g->k / kWord * kWord : 0;
  multiply_words<Bits, Panels>(g, panels, words, sums);
  multiply_steps<Bits, Panels>(g, panels, words, g->k, sums);
  for (int p = 0; p < Panels; p++) {
    alignas(64) float acc[OCTAVO_PANEL];
    Simd::store(acc, sums[p]);
    const size_t column = (panel + size_t(p)) * OCTAVO_PANEL;
    finish_floats(g, column, min_size(OCTAVO_PANEL, g->n - column), 0, 1, acc, OCTAVO_PANEL, finish);
  }
}

template <class Micro, size_t Bits, class Finish> inline void multiply_codes(const octavo_gemm_f32_codes* g, Finish finish) {
  if (g->m == 1) {
    const size_t panels = (g->n + OCTAVO_PANEL - 1) / OCTAVO_PANEL;
    size_t p = 0;
    for (; p + 2 <= panels; p += 2) row_of_panels<Bits, 2>(g, p, finish);
    if (p < panels) row_of_panels<Bits, 1>(g, p, finish);
    return;
  }
  constexpr size_t kPanels = 3;
  alignas(64) float block[kPanels * Micro::kBlock * OCTAVO_PANEL];
  const auto unpack = [&](size_t p, size_t count, size_t k0, size_t kc) {
    for (size_t q = 0; q < count; q++) unpack_panel(CodePanel<Bits>(g, p + q), g->group, k0, kc, block + q * kc * OCTAVO_PANEL);
    return PanelBlock<float>{block, kc * OCTAVO_PANEL};
  };
  drive_gemm<Micro>(g->m, g->n, g->k, g->a, g->lda, min_size(Micro::panels_for(g->m), kPanels), unpack,
                    [&](size_t column, size_t count, size_t row, size_t rows, const float* acc, size_t stride) {
                      finish_floats(g, column, count, row, rows, acc, stride, finish);
                    });
}

template <class Micro> void gemm_f32_codes(const octavo_gemm_f32_codes* g) {
  with_activation(g->activation, [g](auto finish) {
    if (g->bits == 8) multiply_codes<Micro, 8>(g, finish);
    else multiply_codes<Micro, 4>(g, finish);
  });
}

}  // namespace
