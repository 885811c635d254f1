// Weights taken apart: that no sum leaves its 16 bits, that nothing is lost, and the integer GEMMs over them.
#pragma once
#include <algorithm>

#include "gemm_u8s8_test.h"

namespace {

// Weights [n][k] that spread about as trained ones do, with outliers, so that a few in a hundred are taken apart.
std::vector<int8_t> split_weights(size_t n, size_t k, int spread, Random& random) {
  std::vector<int8_t> codes(n * k);
  for (int8_t& x : codes) {
    const int sum = int(random.below(2 * spread + 1)) + int(random.below(2 * spread + 1)) - 2 * spread;
    x = static_cast<int8_t>(random.one_in(50) ? (random.one_in(2) ? 127 : -128) : std::max(-128, std::min(127, sum)));
  }
  return codes;
}

std::shared_ptr<PackedWeight> pack_codes(const octavo_kernels* table, const std::vector<int8_t>& codes, size_t n, size_t k) {
  const float scale = 1;
  const int32_t zero = 0;
  std::shared_ptr<PackedWeight> weight;
  if (!octavo::pack_s8(table, {codes.data(), 1, n, k, 1, &scale, &zero, false, nullptr}, octavo::ConvGeometry(), &weight).ok()) abort();
  return weight;
}

// Kept weights of a column as the split leaves them; false where its rests are not in order.
bool take_apart(const octavo_split& split, size_t column, std::vector<int>* kept) {
  bool ok = true;
  for (size_t block = 0; block < split.blocks; block++) {
    const uint32_t* first = split.first + (column / OCTAVO_PANEL * split.blocks + block) * OCTAVO_PANEL + column % OCTAVO_PANEL;
    for (uint32_t i = first[0]; i < first[1]; i++) {
      const octavo_rests& four = split.rests[i];
      for (size_t j = 0; j < 4; j++) {
        ok = ok && four.k[j] < kept->size() && four.k[j] / OCTAVO_SPLIT_K == block;
        if (ok) (*kept)[four.k[j]] -= four.rests[j];
        const int pair = four.rests[j] + four.rests[j ^ 1];
        ok = ok && 255 * pair <= INT16_MAX && 255 * pair >= INT16_MIN;
      }
    }
  }
  return ok;
}

// Every sum of the largest codes with the kept weights of one sign fits an int16, so every sum of any codes does.
bool sums_fit(const std::vector<int>& kept, size_t groups, int largest_code) {
  bool ok = true;
  for (size_t first = 0; first < kept.size(); first += 4 * groups) {
    for (size_t pair = 0; pair < 2; pair++) {
      int high = 0, low = 0;
      for (size_t i = 0; i < 2 * groups; i++) {
        const size_t k = first + i / 2 * 4 + pair * 2 + i % 2;
        if (k < kept.size()) (kept[k] > 0 ? high : low) += kept[k];
      }
      ok = ok && largest_code * high <= INT16_MAX && largest_code * low >= INT16_MIN;
    }
  }
  return ok;
}

void test_weight_splits(const octavo_kernels* table) {
  Random random(options.seed * 1000183);
  for (size_t round = 0; round < 60; round++) {
    const size_t n = 64 + random.below(40), k = 200 + random.below(900);
    const std::vector<int8_t> codes = split_weights(n, k, 20 + int(random.below(40)), random);
    const auto weight = pack_codes(table, codes, n, k);
    for (const size_t bits : {7, 8}) {
      check::at("n %zu, k %zu, bits %zu", n, k, bits);
      const octavo_split* split = weight->splits->at_once(bits);
      if (split == nullptr) continue;
      for (size_t column = 0; column < n; column++) {
        std::vector<int> kept(codes.begin() + column * k, codes.begin() + (column + 1) * k);
        check::expect(take_apart(*split, column, &kept) && sums_fit(kept, split->groups, bits == 7 ? 127 : 255));
      }
    }
  }
}

// Rows of the largest codes, of random ones, and of both extremes, over splits of every form, from any panel on.
void test_gemm_u8s8_splits(const octavo_kernels* table) {
  constexpr size_t kMostRows = OCTAVO_GEMM_ROWS, kMostColumns = 130, kMostK = 1100;
  Guarded a(kMostRows * (kMostK + 9)), b((kMostColumns + 16) * (kMostK + 64)), sums(4 * (kMostColumns + 16)), scales(4 * (kMostColumns + 16));
  Guarded c(kMostRows * kMostColumns * 4), a_zeros(4 * kMostRows), a_scales(4 * kMostRows), scratch(table->gemm_u8s8_scratch(kMostK));
  Random random(options.seed * 1000193);
  size_t met[3] = {0, 0, 0};  // no split, and splits of one and two groups with rests
  const std::vector<float> ones(kMostRows, 1.0f);
  for (size_t round = 0; round < 400; round++) {
    const size_t m = random.one_in(3) ? kMostRows : 1 + random.below(kMostRows), n = 20 + random.below(kMostColumns - 20), k = 1 + random.below(kMostK);
    const size_t bits = 7 + random.below(2), largest = bits == 7 ? 127 : 255, pattern = random.below(3);
    const std::vector<int8_t> codes = split_weights(n, k, 15 + int(random.below(60)), random);
    const auto weight = pack_codes(table, codes, n, k);
    const octavo_split* split = weight->splits->at_once(bits);
    met[split && split->first[split->blocks * weight->padded_n()] != 0 ? split->groups : 0]++;
    const size_t first_panel = random.below(octavo::panel_count(n)), first = first_panel * OCTAVO_PANEL, columns = n - first;
    const size_t whole = octavo::panel_count(columns) * OCTAVO_PANEL;
    std::vector<uint8_t> rows(m * k);
    for (uint8_t& x : rows) x = static_cast<uint8_t>(pattern == 0 ? largest : pattern == 1 ? random.below(largest + 1) : largest * random.below(2));
    rows[0] = static_cast<uint8_t>(largest);
    std::vector<int32_t> zeros(m);
    for (int32_t& x : zeros) x = int32_t(random.below(256));
    check::at("m %zu, n %zu, k %zu, first panel %zu, bits %zu, pattern %zu", m, n, k, first_panel, bits, pattern);
    const octavo_gemm_u8s8 gemm = {
        m, columns, k, a.copy(rows.data(), m * k, random), k, a_scales.copy(ones.data(), m, random), a_zeros.copy(zeros.data(), m, random),
        b.copy(weight->s8_panel(0, first), octavo::panel_count(columns) * weight->panel_stride, random),
        scales.copy(weight->scales.as<float>() + first, whole, random), sums.copy(weight->sums.as<int32_t>() + first, whole, random), nullptr,
        c.fresh<float>(m * columns, random), columns, OCTAVO_ACT_NONE, scratch.fresh<uint8_t>((table->gemm_u8s8_scratch(k) + 63) / 64 * 64, random),
        nullptr, nullptr, weight->splits.get(), first_panel};
    table->gemm_u8s8(&gemm);
    std::vector<float> expected(m * columns);
    for (size_t r = 0; r < m; r++) {
      for (size_t j = 0; j < columns; j++) {
        int64_t sum = 0;
        for (size_t i = 0; i < k; i++) sum += (int64_t(rows[r * k + i]) - zeros[r]) * codes[(first + j) * k + i];
        expected[r * columns + j] = static_cast<float>(sum);
      }
    }
    check::expect_floats("C", gemm.c, columns, expected.data(), columns, m, columns);
  }
  if (!check::expect(met[0] != 0 && met[1] != 0 && met[2] != 0)) printf("  splits met: %zu none, %zu of one group, %zu of two\n", met[0], met[1], met[2]);
}

}  // namespace
