// Depthwise convolution: each channel by itself, 16 of them in the lanes, two taps at a time as pairs of int16, whose
// products and pair sums int32 holds exactly. Any kernel size and dilation: taps are pointers.
#pragma once
#include "gemm.h"
#include "requantize.h"

namespace {

// The sums of `Chunks` times 16 channels over the taps of one position. `weights` of a chunk are `chunk_step` apart.
template <int Chunks>
inline void sum_taps(const uint8_t* const* pixels, size_t taps, size_t channel, const int16_t* weights, size_t chunk_step, Simd::I* sums) {
#pragma GCC unroll 2
  for (int c = 0; c < Chunks; c++) sums[c] = Simd::set1_i32(0);
  for (size_t t = 0; t < taps; t += 2) {
    const uint8_t* x = pixels[t] + channel;
    // The tap behind an odd last one has weights of 0.
    const uint8_t* y = pixels[t + 1 < taps ? t + 1 : t] + channel;
#pragma GCC unroll 2
    for (int c = 0; c < Chunks; c++) {
      sums[c] = Simd::add_pairs(sums[c], x + c * OCTAVO_PANEL, y + c * OCTAVO_PANEL, weights + c * chunk_step + t * OCTAVO_PANEL);
    }
  }
}

// The same of the `count` channels that are left, fewer than a chunk.
inline Simd::I sum_taps_of_few(const uint8_t* const* pixels, size_t taps, size_t channel, size_t count, const int16_t* weights) {
  Simd::I sum = Simd::set1_i32(0);
  uint8_t x[OCTAVO_PANEL] = {0}, y[OCTAVO_PANEL] = {0};
  for (size_t t = 0; t < taps; t += 2) {
    memcpy(x, pixels[t] + channel, count);
    memcpy(y, pixels[t + 1 < taps ? t + 1 : t] + channel, count);
    sum = Simd::add_pairs(sum, x, y, weights + t * OCTAVO_PANEL);
  }
  return sum;
}

void depthwise_u8s8(const octavo_depthwise_u8s8* d) {
  const octavo_requantize& q = d->requantize;
  const CodeRange range(q);
  const size_t taps = d->taps, chunk_step = (taps + 1) / 2 * 2 * OCTAVO_PANEL;
  with_bias_form(q, [&](auto with_bias) {
    // Weights of a chunk or two stay in L1 while all positions pass.
    for (size_t channel = 0; channel < d->channels;) {
      const size_t left = d->channels - channel;
      const int16_t* weights = d->weights + channel / OCTAVO_PANEL * chunk_step;
      for (size_t r = 0; r < d->m; r++) {
        const uint8_t* const* pixels = d->pixels + r * taps;
        uint8_t* c = d->c + r * d->ldc + channel;
        Simd::I sums[2];
        if (left >= 2 * OCTAVO_PANEL) {
          sum_taps<2>(pixels, taps, channel, weights, chunk_step, sums);
          store_codes(c, sums[0], channel, OCTAVO_PANEL, q, range, with_bias);
          store_codes(c + OCTAVO_PANEL, sums[1], channel + OCTAVO_PANEL, OCTAVO_PANEL, q, range, with_bias);
        } else if (left >= OCTAVO_PANEL) {
          sum_taps<1>(pixels, taps, channel, weights, chunk_step, sums);
          store_codes(c, sums[0], channel, OCTAVO_PANEL, q, range, with_bias);
        } else {
          store_codes(c, sum_taps_of_few(pixels, taps, channel, left, weights), channel, left, q, range, with_bias);
        }
      }
      channel += left >= 2 * OCTAVO_PANEL ? 2 * OCTAVO_PANEL : OCTAVO_PANEL;
    }
  });
}

void depthwise_f32(const octavo_depthwise_f32* d) {
  const size_t taps = d->taps;
  const auto run = [d, taps](auto finish) {
    for (size_t channel = 0; channel < d->channels; channel += OCTAVO_PANEL) {
      const size_t count = min_size(OCTAVO_PANEL, d->channels - channel);
      const float* weights = d->weights + channel * taps;
      const auto load = [count](const float* x) { return count >= OCTAVO_PANEL ? Simd::load(x) : Simd::load_first(x, count); };
      for (size_t r = 0; r < d->m; r++) {
        const float* const* pixels = d->pixels + r * taps;
        Simd::F sum = Simd::zero();
        for (size_t t = 0; t < taps; t++) sum = Simd::fma(load(pixels[t] + channel), Simd::load(weights + t * OCTAVO_PANEL), sum);
        if (d->bias) sum = Simd::add(sum, load(d->bias + channel));
        store_columns(d->c + r * d->ldc + channel, finish(sum), count);
      }
    }
  };
  if (d->activation == OCTAVO_ACT_NONE) run([](Simd::F x) { return x; });
  else run([d](Simd::F x) { return activate(x, d->activation); });
}

}  // namespace
