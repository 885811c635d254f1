#include "attention.h"

#include <atomic>

#include "ops.h"

namespace octavo {

Status expect_attention(const Call& call, AttentionShape* shape) {
  OCTAVO_TRY(expect_operands(call, 3, 4, 1));
  const View &q = call.inputs[0], &k = call.inputs[1], &v = call.inputs[2];
  const View* mask = call.optional(3);
  OCTAVO_TRY(expect_tensor(call, "q", q, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "k", k, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "v", v, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "y", call.outputs[0], DType::Float32));
  if (q.rank != 3 || k.rank != 3) return fail(Code::InvalidShape, "[%s] q, k and v must have three dimensions", call.op);
  const size_t batch = q.dim(0), queries = q.dim(1), width = q.dim(2), keys = k.dim(1);
  const int64_t heads_attr = call.attr_int(0);
  if (heads_attr < 1 || width % size_t(heads_attr) != 0) return fail(Code::InvalidShape, "[%s] the width is no multiple of the heads", call.op);
  const size_t heads = size_t(heads_attr), d = width / heads;
  OCTAVO_TRY(expect_dims(call, "k", k, {batch, keys, width}));
  OCTAVO_TRY(expect_dims(call, "v", v, {batch, keys, width}));
  OCTAVO_TRY(expect_dims(call, "y", call.outputs[0], {batch, queries, width}));
  *shape = {batch, queries, keys, heads, d, {0, 0, 0, 0}, mask ? mask->floats() : nullptr};
  if (mask) {
    OCTAVO_TRY(expect_tensor(call, "mask", *mask, DType::Float32));
    View scores;
    scores.rank = 4;
    scores.dims[0] = int64_t(batch), scores.dims[1] = int64_t(heads);
    scores.dims[2] = int64_t(queries), scores.dims[3] = int64_t(keys);
    if (mask->rank != 4 || !broadcast_steps(*mask, scores, shape->mask_steps)) return fail(Code::InvalidShape, "[%s] the mask cannot be broadcast", call.op);
  }
  return {};
}

// q [batch, queries, heads * d], k and v [batch, keys, heads * d], mask broadcastable to [batch, heads, queries, keys].
// One head at a time: its keys and values become panels, then blocks of query rows go through scores, softmax and
// values while the scores are still in cache. attrs: heads, scale.
Status attention(Call& call) {
  AttentionShape shape;
  OCTAVO_TRY(expect_attention(call, &shape));
  const View &q = call.inputs[0], &k = call.inputs[1], &v = call.inputs[2];
  const size_t batch = shape.batch, queries = shape.queries, keys = shape.keys, heads = shape.heads, d = shape.d, width = heads * d;
  if (call.outputs[0].size() == 0) return {};
  const float scale = call.attr_float(1);
  const size_t key_floats = f32_panel_floats(keys, d), value_floats = f32_panel_floats(d, keys);
  std::atomic<bool> no_memory{false};
  call.pool->parallel_for(batch * heads, [&](size_t task) {
    const size_t item = task / heads, head = task % heads;
    float* key_panels = reinterpret_cast<float*>(scratch(0, (key_floats + value_floats) * sizeof(float)));
    float* scores = reinterpret_cast<float*>(scratch(1, OCTAVO_GEMM_ROWS * keys * sizeof(float)));
    if (key_panels == nullptr || (scores == nullptr && keys != 0)) {
      no_memory = true;
      return;
    }
    float* value_panels = key_panels + key_floats;
    pack_f32(k.floats() + item * keys * width + head * d, {1, width}, keys, d, key_panels);
    pack_f32(v.floats() + item * keys * width + head * d, {width, 1}, d, keys, value_panels);
    for (size_t row = 0; row < queries; row += OCTAVO_GEMM_ROWS) {
      const size_t rows = queries - row < OCTAVO_GEMM_ROWS ? queries - row : OCTAVO_GEMM_ROWS;
      const size_t own = (item * queries + row) * width + head * d;
      const octavo_gemm_f32 by_keys = {rows, keys, d, q.floats() + own, width, key_panels, scores, keys, nullptr, OCTAVO_ACT_NONE};
      call.kernels->gemm_f32(&by_keys);
      for (size_t r = 0; r < rows; r++) {
        const float* bias = shape.mask_row(item, head, row + r);
        call.kernels->softmax(scores + r * keys, keys, scale, bias, shape.mask_steps[3]);
      }
      const octavo_gemm_f32 by_values = {rows, d, keys, scores, keys, value_panels, call.outputs[0].floats() + own, width, nullptr, OCTAVO_ACT_NONE};
      call.kernels->gemm_f32(&by_values);
    }
  });
  return no_memory ? fail(Code::OutOfMemory, "[%s] no memory for a head", call.op) : Status{};
}

}  // namespace octavo
