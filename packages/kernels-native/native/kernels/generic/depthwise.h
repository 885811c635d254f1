// Depthwise convolution: each channel by itself, 16 or 32 of them in the lanes, neighbouring positions together, so that a
// weight is loaded once for all of them. Codes go two taps at a time as pairs of int16, whose products and pair sums int32
// holds exactly. Any kernel size, stride and dilation: taps are pointers.
#pragma once
#include "gemm.h"
#include "requantize.h"

namespace {

// Channels of two panels, which pass together where there are as many.
constexpr size_t kWideChannels = 2 * OCTAVO_PANEL;
// Taps of two panels whose weights are put in the order of `Simd::Wide`: 4 KB. Larger kernels go panel by panel.
constexpr size_t kWideTaps = 64;

// How many positions pass together, as a type.
template <size_t Count> struct Positions { static constexpr size_t count = Count; };

// Calls run(Positions, first pointer, first position) for groups of `Count` neighbours. The last group of a row may overlap the one
// before, which gives the same results twice; rows that are shorter go one by one.
template <size_t Count, class Run> inline void for_positions(const octavo_taps& at, Run run) {
  for (size_t r = 0; r < at.rows; r++) {
    const size_t pointer = r * at.pitch, position = r * at.width;
    if (at.width < Count) {
      for (size_t i = 0; i < at.width; i++) run(Positions<1>(), pointer + i * at.step, position + i);
      continue;
    }
    for (size_t i = 0;; i = min_size(i + Count, at.width - Count)) {
      run(Positions<Count>(), pointer + i * at.step, position + i);
      if (i + Count == at.width) break;
    }
  }
}

// Calls pair(n, x, y, t) for taps t and t + 1 of each of `Count` positions. The tap behind an odd last one has weights of 0.
template <size_t Count, class Pair>
inline void for_tap_pairs(const octavo_taps& at, const uint8_t* const* pixels, size_t channel, Pair pair) {
  for (size_t t = 0; t < at.taps; t += 2) {
    const uint8_t* const* x = pixels + at.tap_at[t];
    const uint8_t* const* y = t + 1 < at.taps ? pixels + at.tap_at[t + 1] : x;
#pragma GCC unroll 8
    for (size_t n = 0; n < Count; n++) pair(n, x[n * at.step] + channel, y[n * at.step] + channel, t);
  }
}

// The sums of a panel over the taps of positions side by side.
template <size_t Count>
inline void sum_taps(const octavo_taps& at, const uint8_t* const* pixels, size_t channel, const int16_t* weights, Simd::I* sums) {
#pragma GCC unroll 8
  for (size_t n = 0; n < Count; n++) sums[n] = Simd::set1_i32(0);
  for_tap_pairs<Count>(at, pixels, channel, [&](size_t n, const uint8_t* x, const uint8_t* y, size_t t) {
    sums[n] = Simd::add_pairs(sums[n], x, y, weights + t * OCTAVO_PANEL);
  });
}

// Of two panels, whose weights have the order of `Simd::Wide`.
template <size_t Count>
inline void sum_taps_wide(const octavo_taps& at, const uint8_t* const* pixels, size_t channel, const int16_t* weights, Simd::Wide* sums) {
#pragma GCC unroll 8
  for (size_t n = 0; n < Count; n++) sums[n] = Simd::wide_zero();
  for_tap_pairs<Count>(at, pixels, channel, [&](size_t n, const uint8_t* x, const uint8_t* y, size_t t) {
    sums[n] = Simd::add_pairs_wide(sums[n], x, y, weights + t * kWideChannels);
  });
}

// Of the `count` channels that are left, fewer than a panel.
inline Simd::I sum_taps_of_few(const octavo_taps& at, const uint8_t* const* pixels, size_t channel, size_t count, const int16_t* weights) {
  Simd::I sum = Simd::set1_i32(0);
  uint8_t x[OCTAVO_PANEL] = {0}, y[OCTAVO_PANEL] = {0};
  for_tap_pairs<1>(at, pixels, channel, [&](size_t, const uint8_t* first, const uint8_t* second, size_t t) {
    memcpy(x, first, count);
    memcpy(y, second, count);
    sum = Simd::add_pairs(sum, x, y, weights + t * OCTAVO_PANEL);
  });
  return sum;
}

void depthwise_u8s8(const octavo_depthwise_u8s8* d) {
  // Sums of 32 channels at two positions leave room for the weights of a pair of taps.
  constexpr size_t kPositions = 2;
  const octavo_requantize& q = d->requantize;
  const size_t taps = d->at.taps, panel_step = (taps + 1) / 2 * 2 * OCTAVO_PANEL;
  alignas(64) int16_t wide[kWideTaps * kWideChannels];
  with_bias_form(q, [&](auto make_bias) {
    // Weights of a panel or two stay in L1 while all positions pass.
    for (size_t channel = 0; channel < d->channels;) {
      const size_t left = d->channels - channel;
      const int16_t* weights = d->weights + channel / OCTAVO_PANEL * panel_step;
      if (left >= kWideChannels && taps <= kWideTaps) {
        for (size_t t = 0; t < taps; t += 2) {
          const int16_t* pair = weights + t * OCTAVO_PANEL;
          Simd::wide_weights(pair, pair + panel_step, wide + t * kWideChannels);
        }
        const auto codes = column_codes(q, channel, OCTAVO_PANEL, make_bias);
        const auto next_codes = column_codes(q, channel + OCTAVO_PANEL, OCTAVO_PANEL, make_bias);
        for_positions<kPositions>(d->at, [&](auto positions, size_t pointer, size_t position) {
          constexpr size_t kCount = decltype(positions)::count;
          Simd::Wide sums[kCount];
          sum_taps_wide<kCount>(d->at, d->pixels + pointer, channel, wide, sums);
          uint8_t* c = d->c + position * d->ldc + channel;
#pragma GCC unroll 8
          for (size_t n = 0; n < kCount; n++, c += d->ldc) {
            Simd::I panels[2];
            Simd::narrow(sums[n], panels);
            Simd::store_steps(c, codes.steps(panels[0]), c + OCTAVO_PANEL, next_codes.steps(panels[1]), codes.range);
          }
        });
        channel += kWideChannels;
        continue;
      }
      const size_t count = min_size(left, OCTAVO_PANEL);
      const auto codes = column_codes(q, channel, count, make_bias);
      if (count == OCTAVO_PANEL) {
        for_positions<kPositions>(d->at, [&](auto positions, size_t pointer, size_t position) {
          constexpr size_t kCount = decltype(positions)::count;
          Simd::I sums[kCount];
          sum_taps<kCount>(d->at, d->pixels + pointer, channel, weights, sums);
          uint8_t* c = d->c + position * d->ldc + channel;
          if constexpr (kCount == 2) codes.store(c, sums[0], c + d->ldc, sums[1]);
          else codes.store(c, sums[0]);
        });
      } else {
        for_positions<1>(d->at, [&](auto, size_t pointer, size_t position) {
          codes.store(d->c + position * d->ldc + channel, sum_taps_of_few(d->at, d->pixels + pointer, channel, count, weights));
        });
      }
      channel += count;
    }
  });
}

// One panel of channels, `count` of which exist, at positions side by side.
template <size_t Count, bool Whole>
inline void depthwise_f32_panel(const octavo_depthwise_f32* d, const float* const* pixels, size_t channel, size_t count, float* c) {
  Simd::F sums[Count];
#pragma GCC unroll 8
  for (size_t n = 0; n < Count; n++) sums[n] = Simd::zero();
  const float* weights = d->weights + channel * d->at.taps;
  for (size_t t = 0; t < d->at.taps; t++, weights += OCTAVO_PANEL) {
    const Simd::F weight = Simd::load(weights);
    const float* const* tap = pixels + d->at.tap_at[t];
#pragma GCC unroll 8
    for (size_t n = 0; n < Count; n++) {
      const float* x = tap[n * d->at.step] + channel;
      sums[n] = Simd::fma(Whole ? Simd::load(x) : Simd::load_first(x, count), weight, sums[n]);
    }
  }
  with_steps(d, channel, count, [&](auto finish) {
#pragma GCC unroll 8
    for (size_t n = 0; n < Count; n++) store_columns(c + n * d->ldc + channel, finish(sums[n]), count);
  });
}

// Channels pass innermost: pixels are then read as they lie, which the prefetcher of larger images wants.
void depthwise_f32(const octavo_depthwise_f32* d) {
  for_positions<Simd::kDepthwisePositions>(d->at, [&](auto positions, size_t pointer, size_t position) {
    constexpr size_t kCount = decltype(positions)::count;
    const float* const* pixels = d->pixels + pointer;
    float* c = d->c + position * d->ldc;
    size_t channel = 0;
    for (; channel + OCTAVO_PANEL <= d->channels; channel += OCTAVO_PANEL) {
      depthwise_f32_panel<kCount, true>(d, pixels, channel, OCTAVO_PANEL, c);
    }
    if (channel < d->channels) depthwise_f32_panel<kCount, false>(d, pixels, channel, d->channels - channel, c);
  });
}

}  // namespace
