// Which inputs an output of a resized axis comes from: core's `ops/resampling.ts`.
#pragma once
#include <stddef.h>

#include <vector>

namespace octavo {

// Where one output lies between two inputs, core's `betweens`.
struct Between {
  size_t near, far;
  float weights[2];
};

inline std::vector<Between> betweens(size_t from, size_t to, bool align_corners) {
  std::vector<Between> result(to);
  const float scale = float(align_corners ? (to > 1 ? double(from - 1) / double(to - 1) : 0.0) : double(from) / double(to));
  for (size_t i = 0; i < to; i++) {
    const float middle = scale * float(double(i) + 0.5) - 0.5f;
    const float position = align_corners ? float(double(scale) * double(i)) : middle > 0 ? middle : 0.0f;
    const size_t near = size_t(position) < from - 1 ? size_t(position) : from - 1;
    const float far_weight = float(double(position) - double(near));
    result[i] = {near, near + 1 < from - 1 ? near + 1 : from - 1, {float(1.0 - double(far_weight)), far_weight}};
  }
  return result;
}

// The input of every output, core's `nearestIndices`.
inline std::vector<size_t> nearest(size_t from, size_t to) {
  std::vector<size_t> result(to);
  const float scale = float(double(from) / double(to));
  for (size_t i = 0; i < to; i++) {
    const size_t index = size_t(float(double(i) * double(scale)));
    result[i] = index < from - 1 ? index : from - 1;
  }
  return result;
}

}  // namespace octavo
