// Floats of images as codes in the order that convolutions read.
#pragma once
#include "../runtime/transpose.h"
#include "ops.h"

namespace octavo {

// x [batch, channels, ...spatial] row-major -> codes channels-last: runs of each channel are quantized, then transposed.
// quantize(at, n, codes) makes codes of the n elements of x from `at` on.
template <class Quantize> void quantize_into_channels_last(const Call& call, const View& x, uint8_t* codes, Quantize quantize) {
  constexpr size_t kPiece = 256;
  const size_t channels = x.dim(1), spatial = x.size() / x.dim(0) / channels, pieces = (spatial + kPiece - 1) / kPiece;
  for_row_chunks(call, x.dim(0) * pieces, channels * kPiece * 2, [&](size_t from, size_t end) {
    uint8_t runs[16 * kPiece];
    for (size_t i = from; i < end; i++) {
      const size_t item = i / pieces * channels * spatial, first = i % pieces * kPiece;
      const size_t count = spatial - first < kPiece ? spatial - first : kPiece;
      for (size_t c = 0; c < channels; c += 16) {
        const size_t some = channels - c < 16 ? channels - c : 16;
        for (size_t j = 0; j < some; j++) quantize(item + (c + j) * spatial + first, count, runs + j * kPiece);
        transpose(runs, kPiece, some, count, codes + item + first * channels + c, channels);
      }
    }
  });
}

}  // namespace octavo
