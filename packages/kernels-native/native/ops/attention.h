// What both attentions take: q [batch, queries, heads * d], k and v [batch, keys, heads * d], a mask broadcastable to
// [batch, heads, queries, keys] or none -> y as q. attrs: heads, scale.
#pragma once
#include "../runtime/call.h"

namespace octavo {

struct AttentionShape {
  size_t batch, queries, keys, heads, d;
  size_t mask_steps[4];
  const float* mask;

  // The mask of one query's scores, mask_steps[3] elements apart, or nullptr.
  const float* mask_row(size_t item, size_t head, size_t query) const {
    return mask ? mask + item * mask_steps[0] + head * mask_steps[1] + query * mask_steps[2] : nullptr;
  }
};

Status expect_attention(const Call& call, AttentionShape* shape);

}  // namespace octavo
