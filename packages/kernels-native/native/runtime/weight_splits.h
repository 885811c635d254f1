// Int8 weights taken apart for kernels that add byte products in 16 bits (`octavo_split`).
#pragma once
#include <atomic>
#include <mutex>
#include <vector>

#include "../include/octavo_kernels.h"

namespace octavo {

class WeightSplits : public octavo_splits {
 public:
  // Over panels [k / 4][16][4], which live as long and are read when a split is made; n columns a product.
  WeightSplits(const int8_t* panels, size_t panel_count, size_t panel_stride, size_t n);

  // The split for codes of 7 or 8 bits, made now where it was not. `get` waits until the weight was used for some time.
  const octavo_split* at_once(size_t code_bits) const;

 private:
  struct Split {
    std::atomic<int> asked{0};
    std::once_flag made;
    bool worth_it = false;
    octavo_split view = {};
    std::vector<uint32_t> first;
    std::vector<octavo_rests> rests;
  };

  static const octavo_split* find(const octavo_splits* self, size_t code_bits);
  double share_of_rests(size_t groups, int limit) const;
  void make(size_t code_bits, Split* split) const;

  const int8_t* panels_;
  size_t panel_count_, panel_stride_, n_;
  mutable Split of_7_bits_, of_8_bits_;
};

}  // namespace octavo
