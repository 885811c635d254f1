// Depthwise convolution: each channel by itself, 16 of them in the lanes, two taps at a time as pairs of int16, whose
// products and pair sums int32 holds exactly. Any kernel size and dilation: taps are pointers.
#pragma once
#include "gemm.h"
#include "requantize.h"

namespace {

void depthwise_u8s8(const octavo_depthwise_u8s8* d) {
  const octavo_requantize& q = d->requantize;
  const CodeRange range(q);
  const size_t pairs = (d->taps + 1) / 2;
  with_bias_form(q, [&](auto with_bias) {
    for (size_t channel = 0; channel < d->channels; channel += OCTAVO_PANEL) {
      const size_t count = min_size(OCTAVO_PANEL, d->channels - channel);
      // Weights of 16 channels stay in L1 while all pixels pass.
      const int16_t* weights = d->weights + channel * pairs * 2;
      for (size_t r = 0; r < d->m; r++) {
        const uint8_t* const* pixels = d->pixels + r * d->taps;
        Simd::I sum = Simd::set1_i32(0);
        for (size_t t = 0; t < d->taps; t += 2) {
          const uint8_t* x = pixels[t] + channel;
          // The tap behind an odd last one has weights of 0.
          const uint8_t* y = (t + 1 < d->taps ? pixels[t + 1] : pixels[t]) + channel;
          uint8_t tails[2][OCTAVO_PANEL];
          if (count < OCTAVO_PANEL) {
            memset(tails, 0, sizeof(tails));
            memcpy(tails[0], x, count), memcpy(tails[1], y, count);
            x = tails[0], y = tails[1];
          }
          sum = Simd::add_pairs(sum, x, y, weights + t * OCTAVO_PANEL);
        }
        store_codes(d->c + r * d->ldc + channel, sum, channel, count, q, range, with_bias);
      }
    }
  });
}

}  // namespace
