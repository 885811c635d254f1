// The inverse of packing: a linear's weight from its panels, for whoever asks for it after its own memory was let go.
#pragma once
#include "pack.h"

namespace octavo {

// Whether the panels are those of one matrix [n, k], in the order of its rows.
inline bool is_unpackable(const PackedWeight& weight) {
  return weight.kind == PackedWeight::kFloat ? weight.gates == 1
                                             : weight.kind == PackedWeight::kInt8 && weight.gates == 1 && weight.groups == 1 && weight.geometry.rank == 0;
}

// Writes [n][k].
void unpack_f32(const PackedWeight& weight, float* out);
void unpack_s8(const PackedWeight& weight, int8_t* out);

}  // namespace octavo
