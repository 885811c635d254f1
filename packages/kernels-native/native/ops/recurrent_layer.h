// One direction of one layer of an LSTM, a GRU or a plain RNN over a sequence, after all sizes were checked. The input's product is one
// GEMM over a block of time steps, that of h one a step; weights and gates lie in panels [units / 16][gates][16], so that a
// task finishes its units from sums to states. Core's `ops/recurrent-layer.ts` is the definition.
#pragma once
#include "../runtime/call.h"

namespace octavo {

// A linear of the layer: float panels and a bias of the model's order, or int8 weights.
struct RecurrentProduct {
  size_t k;
  const float* panels;  // or NULL: `packed` then holds int8 weights and their bias
  const float* bias;    // [gates * hidden], or NULL
  const PackedWeight* packed;
};

struct RecurrentLayer {
  octavo_cell cell;
  size_t gates, time, batch, hidden;
  size_t width;  // of h: `hidden`, or less where it is projected
  bool reverse;
  const float* x;          // [time, batch, ih.k]
  const int32_t* lengths;  // [batch], 0 to `time`, or NULL
  RecurrentProduct ih, hh;
  const float* projection;  // panels [width / 16][hidden][16], or NULL
  int64_t scheme;           // of dynamic ranges
  bool reduce_range;
  float *y, *h, *c;  // [time, batch, width]; the states [batch, width] and [batch, hidden], before and after; c of LSTM only
};

Status run_recurrent_layer(const Call& call, const RecurrentLayer& layer);

}  // namespace octavo
