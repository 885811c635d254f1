#include "weight_splits.h"

#include <string.h>

#include <algorithm>
#include <new>

namespace octavo {
namespace {

// A group of four k: [16 columns][2 pairs][2 weights]. The products of a pair are added in 16 bits, and those of the same pair of
// the next group may be too.
constexpr size_t kGroupBytes = 4 * OCTAVO_PANEL, kPairs = kGroupBytes / 2, kMostGroups = 2;
// Panels that decide for all.
constexpr size_t kSampledPanels = 8;
// Blocks of rows after which a weight is taken apart: until then it would have taken longer than it saves.
constexpr int kAsked = 8;

// Cycles of a Zen 3 core for each row, measured for a call of 96 rows (docs/performance.md); only their ratios matter.
// A product of gemm_u8s8_6x16c4__avx2.h as words and as bytes, and of gemm_u8s8_4x16c8__avx2.h:
constexpr double kWordProduct = 1 / 22.5, kByteProduct = 1 / 29.0, kSumOfBytes = 1 / 36.4;
// weight_rests__avx2.h: a rest, a code that is turned for it, a panel's sums put in their place.
constexpr double kRest = 0.115, kTurnedCode = 0.3, kPlacedSums = 10;

// The largest magnitude of a sum of weights whose products with codes of so many bits fit an int16.
int limit_of(size_t code_bits) { return 32767 / ((1 << code_bits) - 1); }

// What to take off the weights of a sum, from the largest on, for the positive ones and the negative ones to keep within the
// limit: found(i, rest). No codes can then leave the 16 bits.
template <class Found> void reduce(int8_t* weights, size_t count, int limit, int high, int low, Found found) {
  for (const int sign : {1, -1}) {
    for (int excess = (sign == 1 ? high : low) - limit; excess > 0;) {
      size_t largest = 0;
      for (size_t i = 1; i < count; i++) largest = weights[i] * sign > weights[largest] * sign ? i : largest;
      const int whole = weights[largest] * sign, rest = excess < whole ? excess : whole;
      weights[largest] = int8_t(weights[largest] - rest * sign);
      excess -= rest;
      found(largest, rest * sign);
    }
  }
}

// The positive and the negative weights of each sum of a run of groups, added; loops that compilers vectorize.
struct Sums {
  int16_t high[kPairs], low[kPairs];
};
template <size_t kGroups> void add_weights(const int8_t* run, Sums* sums) {
  int16_t pairs[kGroups * kPairs];
  memcpy(pairs, run, sizeof(pairs));
  for (size_t i = 0; i < kPairs; i++) {
    int16_t high = 0, low = 0;
    for (size_t g = 0; g < kGroups; g++) {
      const int16_t both = pairs[g * kPairs + i], a = int16_t(int16_t(uint16_t(both) << 8) >> 8), b = int16_t(both >> 8);
      high = int16_t(high + (a > 0 ? a : 0) + (b > 0 ? b : 0)), low = int16_t(low - (a < 0 ? a : 0) - (b < 0 ? b : 0));
    }
    sums->high[i] = high, sums->low[i] = low;
  }
}

// found(column, k, rest) for the rests of a panel of `k` rows; groups ascend.
template <class Found> void for_each_rest(const int8_t* panel, size_t k, size_t groups, int limit, Found found) {
  for (size_t first = 0; first < k; first += 4 * groups, panel += groups * kGroupBytes) {
    const size_t count = k - first < 4 * groups ? 1 : groups;
    Sums sums;
    if (count == 1) add_weights<1>(panel, &sums);
    else add_weights<2>(panel, &sums);
    int16_t largest = 0;
    for (size_t i = 0; i < kPairs; i++) {
      const int16_t larger = sums.high[i] > sums.low[i] ? sums.high[i] : sums.low[i];
      largest = larger > largest ? larger : largest;
    }
    for (size_t pair = 0; largest > limit && pair < kPairs; pair++) {
      if (sums.high[pair] <= limit && sums.low[pair] <= limit) continue;
      int8_t weights[2 * kMostGroups];
      for (size_t i = 0; i < 2 * count; i++) weights[i] = panel[i / 2 * kGroupBytes + pair * 2 + i % 2];
      reduce(weights, 2 * count, limit, sums.high[pair], sums.low[pair], [&](size_t i, int rest) {
        found(pair / 2, first + i / 2 * 4 + pair % 2 * 2 + i % 2, rest);
      });
    }
  }
}

struct Rest {
  int8_t rest;
  uint16_t k;
};

// The rests of a column's block in fours: large ones beside small ones or ones of the other sign, so that two products fit 16 bits.
void append(std::vector<Rest>* rests, std::vector<octavo_rests>* out) {
  std::sort(rests->begin(), rests->end(), [](Rest a, Rest b) { return a.rest < b.rest; });
  const int limit = limit_of(8);
  size_t count = 0;
  const auto add = [&](Rest a, Rest b) {
    // Rests of 0 lie where another lies, within its block.
    if (count++ % 2 == 0) out->push_back({{a.k, a.k, a.k, a.k}, {0, 0, 0, 0}});
    octavo_rests& four = out->back();
    const size_t at = (count - 1) % 2 * 2;
    four.k[at] = a.k, four.rests[at] = a.rest, four.k[at + 1] = b.k, four.rests[at + 1] = b.rest;
  };
  for (size_t low = 0, high = rests->size(); low < high;) {
    const Rest a = (*rests)[low], b = (*rests)[high - 1];
    const int sum = a.rest + b.rest;
    if (low + 1 == high || sum < -limit) add(a, {0, a.k}), low++;
    else if (sum > limit) add({0, b.k}, b), high--;
    else add(a, b), low++, high--;
  }
}

}  // namespace

WeightSplits::WeightSplits(const int8_t* panels, size_t panel_count, size_t panel_stride, size_t n)
    : octavo_splits{find}, panels_(panels), panel_count_(panel_count), panel_stride_(panel_stride), n_(n) {}

const octavo_split* WeightSplits::find(const octavo_splits* self, size_t code_bits) {
  const WeightSplits* weight = static_cast<const WeightSplits*>(self);
  Split* split = code_bits <= 7 ? &weight->of_7_bits_ : &weight->of_8_bits_;
  // Relaxed: a thread that counts late only asks once more.
  if (split->asked.load(std::memory_order_relaxed) < kAsked) {
    split->asked.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  return weight->at_once(code_bits);
}

const octavo_split* WeightSplits::at_once(size_t code_bits) const {
  Split* split = code_bits <= 7 ? &of_7_bits_ : &of_8_bits_;
  std::call_once(split->made, [&] {
    try {
      make(code_bits <= 7 ? 7 : 8, split);
    } catch (const std::bad_alloc&) {
      split->worth_it = false;  // slower, and right all the same
    }
  });
  split->asked.store(kAsked, std::memory_order_relaxed);
  return split->worth_it ? &split->view : nullptr;
}

// Rests a weight, as a few panels have them.
double WeightSplits::share_of_rests(size_t groups, int limit) const {
  const size_t k = panel_stride_ / OCTAVO_PANEL, step = (panel_count_ + kSampledPanels - 1) / kSampledPanels;
  size_t rests = 0, weights = 0;
  for (size_t p = 0; p < panel_count_; p += step, weights += panel_stride_) {
    for_each_rest(panels_ + p * panel_stride_, k, groups, limit, [&](size_t, size_t, int) { rests++; });
  }
  return double(rests) / double(weights);
}

void WeightSplits::make(size_t code_bits, Split* split) const {
  const size_t k = panel_stride_ / OCTAVO_PANEL;
  if (panel_count_ == 0 || k == 0 || k > UINT16_MAX) return;
  const int limit = limit_of(code_bits);
  double quickest = code_bits == 7 ? kByteProduct : kWordProduct;
  size_t best = 0;
  // A pair of products of 7-bit codes is within the limit as it is: no rests, and nothing to take apart.
  for (size_t groups = code_bits == 7 ? 2 : 1; groups <= kMostGroups; groups++) {
    const double share = share_of_rests(groups, limit);
    double cycles = groups == 1 ? kByteProduct : kSumOfBytes;
    if (share != 0) cycles += kRest * share + kTurnedCode / double(n_) + kPlacedSums / OCTAVO_PANEL / double(k);
    if (cycles < quickest) quickest = cycles, best = groups;
  }
  if (best == 0) return;

  const size_t blocks = (k + OCTAVO_SPLIT_K - 1) / OCTAVO_SPLIT_K;
  std::vector<Rest> of_column[OCTAVO_PANEL];
  split->first.reserve(panel_count_ * blocks * OCTAVO_PANEL + 1);
  for (size_t p = 0; p < panel_count_; p++) {
    for (size_t k0 = 0; k0 < k; k0 += OCTAVO_SPLIT_K) {
      const size_t kc = k - k0 < OCTAVO_SPLIT_K ? k - k0 : OCTAVO_SPLIT_K;
      for_each_rest(panels_ + p * panel_stride_ + k0 * OCTAVO_PANEL, kc, best, limit, [&](size_t column, size_t at, int rest) {
        of_column[column].push_back({int8_t(rest), uint16_t(k0 + at)});
      });
      for (std::vector<Rest>& rests : of_column) {
        split->first.push_back(uint32_t(split->rests.size()));
        append(&rests, &split->rests);
        rests.clear();
      }
    }
  }
  split->first.push_back(uint32_t(split->rests.size()));
  split->view = {best, blocks, split->first.data(), split->rests.data()};
  split->worth_it = true;
}

}  // namespace octavo
