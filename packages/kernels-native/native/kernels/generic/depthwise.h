// Depthwise convolution: each channel by itself, 16 of them in the lanes, two taps at a time as pairs of int16, whose
// products and pair sums int32 holds exactly. Any kernel size and dilation: taps are pointers.
#pragma once
#include "gemm.h"
#include "requantize.h"

namespace {

// Channels of two panels, which pass together where there are as many.
constexpr size_t kWideChannels = 2 * OCTAVO_PANEL;
// Taps of two panels whose weights are put in the order of `Simd::Wide`: 4 KB. Larger kernels go panel by panel.
constexpr size_t kWideTaps = 64;

// Calls pair(x, y, t) for the channels of taps t and t + 1. The tap behind an odd last one has weights of 0.
template <class Pair> inline void for_tap_pairs(const uint8_t* const* pixels, size_t taps, size_t channel, Pair pair) {
  size_t t = 0;
  for (; t + 2 <= taps; t += 2) pair(pixels[t] + channel, pixels[t + 1] + channel, t);
  if (t < taps) pair(pixels[t] + channel, pixels[t] + channel, t);
}

// The sums of a panel over the taps of one position.
inline Simd::I sum_taps(const uint8_t* const* pixels, size_t taps, size_t channel, const int16_t* weights) {
  Simd::I sum = Simd::set1_i32(0);
  for_tap_pairs(pixels, taps, channel, [&](const uint8_t* x, const uint8_t* y, size_t t) {
    sum = Simd::add_pairs(sum, x, y, weights + t * OCTAVO_PANEL);
  });
  return sum;
}

// Of two panels, whose weights have the order of `Simd::Wide`.
inline void sum_taps_wide(const uint8_t* const* pixels, size_t taps, size_t channel, const int16_t* weights, Simd::I* sums) {
  Simd::Wide sum = Simd::wide_zero();
  for_tap_pairs(pixels, taps, channel, [&](const uint8_t* x, const uint8_t* y, size_t t) {
    sum = Simd::add_pairs_wide(sum, x, y, weights + t * kWideChannels);
  });
  Simd::narrow(sum, sums);
}

// Of the `count` channels that are left, fewer than a panel.
inline Simd::I sum_taps_of_few(const uint8_t* const* pixels, size_t taps, size_t channel, size_t count, const int16_t* weights) {
  Simd::I sum = Simd::set1_i32(0);
  uint8_t x[OCTAVO_PANEL] = {0}, y[OCTAVO_PANEL] = {0};
  for_tap_pairs(pixels, taps, channel, [&](const uint8_t* first, const uint8_t* second, size_t t) {
    memcpy(x, first, count);
    memcpy(y, second, count);
    sum = Simd::add_pairs(sum, x, y, weights + t * OCTAVO_PANEL);
  });
  return sum;
}

void depthwise_u8s8(const octavo_depthwise_u8s8* d) {
  const octavo_requantize& q = d->requantize;
  const size_t taps = d->taps, panel_step = (taps + 1) / 2 * 2 * OCTAVO_PANEL;
  alignas(64) int16_t wide[kWideTaps * kWideChannels];
  // Weights of a panel or two stay in L1 while all positions pass.
  const auto for_rows = [d, taps](size_t channel, auto row) {
    for (size_t r = 0; r < d->m; r++) row(d->pixels + r * taps, d->c + r * d->ldc + channel);
  };
  with_bias_form(q, [&](auto make_bias) {
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
        for_rows(channel, [&](const uint8_t* const* pixels, uint8_t* c) {
          Simd::I sums[2];
          sum_taps_wide(pixels, taps, channel, wide, sums);
          Simd::store_steps(c, codes.steps(sums[0]), c + OCTAVO_PANEL, next_codes.steps(sums[1]), codes.range);
        });
        channel += kWideChannels;
        continue;
      }
      const size_t count = min_size(left, OCTAVO_PANEL);
      const auto codes = column_codes(q, channel, count, make_bias);
      for_rows(channel, [&](const uint8_t* const* pixels, uint8_t* c) {
        const Simd::I sum = count == OCTAVO_PANEL ? sum_taps(pixels, taps, channel, weights)
                                                  : sum_taps_of_few(pixels, taps, channel, count, weights);
        codes.store(c, sum);
      });
      channel += count;
    }
  });
}

void depthwise_f32(const octavo_depthwise_f32* d) {
  const size_t taps = d->taps;
  for (size_t channel = 0; channel < d->channels; channel += OCTAVO_PANEL) {
    const size_t count = min_size(OCTAVO_PANEL, d->channels - channel);
    const float* weights = d->weights + channel * taps;
    const auto load = [count](const float* x) { return count >= OCTAVO_PANEL ? Simd::load(x) : Simd::load_first(x, count); };
    with_steps(d, channel, count, [&](auto finish) {
      for (size_t r = 0; r < d->m; r++) {
        const float* const* pixels = d->pixels + r * taps;
        Simd::F sum = Simd::zero();
        for (size_t t = 0; t < taps; t++) sum = Simd::fma(load(pixels[t] + channel), Simd::load(weights + t * OCTAVO_PANEL), sum);
        store_columns(d->c + r * d->ldc + channel, finish(sum), count);
      }
    });
  }
}

}  // namespace
