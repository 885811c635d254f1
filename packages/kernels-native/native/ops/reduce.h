// Sums of floats in core's order: element i joins lane i mod 16, lanes are folded 8, 4, 2, 1 (`numerics/lane-sum.ts`).
#pragma once
#include <stddef.h>

namespace octavo {

class Lanes {
 public:
  static constexpr size_t kCount = 16;

  void add(const float* x, size_t n) {
    size_t i = 0;
    for (; i < n && next_ != 0; i++, next_ = (next_ + 1) % kCount) sums_[next_] += x[i];
    for (; i + kCount <= n; i += kCount) {
      for (size_t lane = 0; lane < kCount; lane++) sums_[lane] += x[i + lane];
    }
    for (; i < n; i++) sums_[next_++] += x[i];
  }
  float fold() {
    for (size_t width = kCount / 2; width >= 1; width /= 2) {
      for (size_t lane = 0; lane < width; lane++) sums_[lane] += sums_[lane + width];
    }
    return sums_[0];
  }

 private:
  float sums_[kCount] = {};
  size_t next_ = 0;  // the lane of the next element
};

}  // namespace octavo
