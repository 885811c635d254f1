// Which micro-kernel multiplies a block of rows. Bits never depend on it; what decides are the codes themselves, the number
// of rows, and how the weight may be taken apart (`octavo_split`).
#pragma once
#include "gemm_u8s8_1x16c4__avx2.h"
#include "gemm_u8s8_4x16c8__avx2.h"
#include "weight_rests__avx2.h"

namespace {

// Fewer rows do not repay the tile of four, and the panels that are copied and the codes that are turned for rests.
constexpr size_t kSumRows = 4, kSplitRows = kRestRows;

template <class Micro, class Gemm>
void multiply_whole(const Gemm* g, const typename Micro::A* rows, size_t lda, size_t k, const PanelEpilogue<int32_t>& epilogue) {
  drive_gemm<Micro>(g->m, g->n, k, rows, lda, g->b, k * OCTAVO_PANEL, OCTAVO_PANEL, epilogue);
}

template <class Micro, class Gemm>
void multiply_split(const Gemm* g, const octavo_split* split, const uint8_t* rows, size_t lda, size_t k, const PanelEpilogue<int32_t>& epilogue) {
  WeightRests rests(split, g->first_panel, rows, lda, g->m, k, static_cast<uint8_t*>(behind_padded_rows(g, k)));
  const auto blocks = [&](size_t p, size_t, size_t k0, size_t kc) {
    return PanelBlock<int8_t>{rests.kept(g->b + (p * k + k0) * OCTAVO_PANEL, p, k0, kc), 0};
  };
  drive_gemm<Micro>(g->m, g->n, k, rows, lda, 1, blocks, [&](size_t column, size_t count, size_t r, size_t m, int32_t* acc, size_t stride) {
    rests.add(column / OCTAVO_PANEL, acc, stride);
    epilogue(column, count, r, m, acc, stride);
  });
}

template <class Gemm> const octavo_split* split_for(const Gemm* g, bool seven_bits) {
  return g->splits == nullptr || g->m < (seven_bits ? kSumRows : kSplitRows) ? nullptr : g->splits->get(g->splits, seven_bits ? 7 : 8);
}

// Over rows that lie as bytes, K padded: as they are where their codes or a split allow byte products, else widened to words.
template <class Gemm>
void multiply_rows(const Gemm* g, const uint8_t* rows, size_t lda, size_t k, bool seven_bits, const PanelEpilogue<int32_t>& epilogue) {
  if (const octavo_split* split = split_for(g, seven_bits)) {
    const uint32_t* first = split->first + g->first_panel * split->blocks * OCTAVO_PANEL;
    const bool whole = first[0] == first[round_up(g->n, OCTAVO_PANEL) * split->blocks];
    if (whole && split->groups == 2) return multiply_whole<GemmU8S8Sums>(g, rows, lda, k, epilogue);
    if (whole) return multiply_whole<GemmU8S8Avx2<ByteProducts>>(g, rows, lda, k, epilogue);
    if (g->m >= kSplitRows && split->groups == 2) return multiply_split<GemmU8S8Sums>(g, split, rows, lda, k, epilogue);
    if (g->m >= kSplitRows) return multiply_split<GemmU8S8Avx2<ByteProducts>>(g, split, rows, lda, k, epilogue);
  }
  if (seven_bits) return multiply_whole<GemmU8S8Avx2<ByteProducts>>(g, rows, lda, k, epilogue);
  int16_t* words = static_cast<int16_t*>(behind_padded_rows(g, k));
  for (size_t r = 0; r < g->m; r++) widen_row(rows + r * lda, k, words + r * k);
  multiply_whole<GemmU8S8Avx2<WordProducts>>(g, words, k, k, epilogue);
}

void gemm_u8s8_avx2(const octavo_gemm_u8s8* g) {
  with_padded_rows<kGroup>(g, [g](const uint8_t* rows, size_t lda, size_t k) {
    const bool seven_bits = below_128(rows, lda, g->m, k);
    if (g->m == 1 && g->b_zeros == nullptr && !seven_bits) {
      int8_t* row = static_cast<int8_t*>(behind_padded_rows(g, k));
      CentredRow centred;
      if (centre_row(rows, g->k, k, row, &centred)) return gemm_u8s8_centred(g, row, k, centred);
    }
    with_float_epilogue(g, [&](const auto& epilogue) { multiply_rows(g, rows, lda, k, seven_bits, epilogue); });
  });
}

void gemm_u8s8_codes_avx2(const octavo_gemm_u8s8_codes* g) {
  with_padded_rows<kGroup>(g, [g](const uint8_t* rows, size_t lda, size_t k) {
    const bool seven_bits = below_128(rows, lda, g->m, k);
    with_codes_epilogue(g, sums_of_rows(rows, lda, k), [&](const auto& epilogue) { multiply_rows(g, rows, lda, k, seven_bits, epilogue); });
  });
}

}  // namespace
