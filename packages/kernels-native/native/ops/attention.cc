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

namespace {

// Rows of floats that lie `step` apart.
struct Rows {
  float* data;
  size_t step;
};

// The keys [keys, d] and values [keys, e] of one head as panels, and scratch for scores of a block of queries.
struct HeadPanels {
  size_t keys, d, e;
  float *key_panels = nullptr, *value_panels = nullptr, *scores = nullptr;

  bool pack(Rows k, Rows v) {
    const size_t key_floats = f32_panel_floats(keys, d), value_floats = f32_panel_floats(e, keys);
    key_panels = reinterpret_cast<float*>(scratch(0, (key_floats + value_floats) * sizeof(float)));
    scores = reinterpret_cast<float*>(scratch(1, OCTAVO_GEMM_ROWS * keys * sizeof(float)));
    if (key_panels == nullptr || (scores == nullptr && keys != 0)) return false;
    value_panels = key_panels + key_floats;
    pack_f32(k.data, {1, k.step}, keys, d, key_panels);
    pack_f32(v.data, {v.step, 1}, e, keys, value_panels);
    return true;
  }

  // Blocks of query rows go through scores, softmax and values while the scores are still in cache. `mask_row(i)` is what
  // is added to the scores of query i, mask_step elements apart, or nullptr.
  template <class MaskRow>
  void attend(const octavo_kernels* kernels, Rows q, size_t queries, float scale, MaskRow mask_row, size_t mask_step, Rows y) const {
    for (size_t row = 0; row < queries; row += OCTAVO_GEMM_ROWS) {
      const size_t rows = queries - row < OCTAVO_GEMM_ROWS ? queries - row : OCTAVO_GEMM_ROWS;
      const octavo_gemm_f32 by_keys = {rows, keys, d, q.data + row * q.step, q.step, key_panels, scores, keys, nullptr, OCTAVO_ACT_NONE};
      kernels->gemm_f32(&by_keys);
      for (size_t r = 0; r < rows; r++) kernels->softmax(scores + r * keys, keys, scale, mask_row(row + r), mask_step);
      const octavo_gemm_f32 by_values = {rows, e, keys, scores, keys, value_panels, y.data + row * y.step, y.step, nullptr, OCTAVO_ACT_NONE};
      kernels->gemm_f32(&by_values);
    }
  }
};

}  // namespace

// q [batch, queries, heads * d], k and v [batch, keys, heads * d], mask broadcastable to [batch, heads, queries, keys].
// attrs: heads, scale.
Status attention(Call& call) {
  AttentionShape shape;
  OCTAVO_TRY(expect_attention(call, &shape));
  const View &q = call.inputs[0], &k = call.inputs[1], &v = call.inputs[2];
  const size_t batch = shape.batch, queries = shape.queries, keys = shape.keys, heads = shape.heads, d = shape.d, width = heads * d;
  if (call.outputs[0].size() == 0) return {};
  std::atomic<bool> no_memory{false};
  call.pool->parallel_for(batch * heads, [&](size_t task) {
    const size_t item = task / heads, head = task % heads;
    const size_t other = item * keys * width + head * d, own = item * queries * width + head * d;
    HeadPanels panels = {keys, d, d};
    if (!panels.pack({k.floats() + other, width}, {v.floats() + other, width})) {
      no_memory = true;
      return;
    }
    const auto mask_row = [&](size_t query) { return shape.mask_row(item, head, query); };
    panels.attend(call.kernels, {q.floats() + own, width}, queries, call.attr_float(1), mask_row, shape.mask_steps[3],
                  {call.outputs[0].floats() + own, width});
  });
  return no_memory ? fail(Code::OutOfMemory, "[%s] no memory for a head", call.op) : Status{};
}

// q [batch, heads, queries, d], k [batch, n, keys, d], v [batch, n, keys, e], mask broadcastable to [batch, heads,
// queries, keys] -> y [batch, heads, queries, e], where heads = n * groups. attrs: scale, groups.
Status scaled_dot_product_attention(Call& call) {
  OCTAVO_TRY(expect_operands(call, 3, 4, 1));
  const View &q = call.inputs[0], &k = call.inputs[1], &v = call.inputs[2], &y = call.outputs[0];
  const View* mask = call.optional(3);
  OCTAVO_TRY(expect_tensor(call, "q", q, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "k", k, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "v", v, DType::Float32));
  OCTAVO_TRY(expect_tensor(call, "y", y, DType::Float32));
  if (q.rank != 4 || k.rank != 4 || v.rank != 4) return fail(Code::InvalidShape, "[%s] q, k and v must have four dimensions", call.op);
  const size_t batch = q.dim(0), heads = q.dim(1), queries = q.dim(2), d = q.dim(3), shared = k.dim(1), keys = k.dim(2), e = v.dim(3);
  const int64_t groups = call.attr_int(1);
  if (groups < 1 || heads % size_t(groups) != 0 || heads / size_t(groups) != shared) {
    return fail(Code::InvalidShape, "[%s] the heads of q are not `groups` times those of k", call.op);
  }
  OCTAVO_TRY(expect_dims(call, "k", k, {batch, shared, keys, d}));
  OCTAVO_TRY(expect_dims(call, "v", v, {batch, shared, keys, e}));
  OCTAVO_TRY(expect_dims(call, "y", y, {batch, heads, queries, e}));
  size_t steps[4] = {0, 0, 0, 0};
  if (mask) {
    OCTAVO_TRY(expect_tensor(call, "mask", *mask, DType::Float32));
    View scores = q;
    scores.dims[3] = int64_t(keys);
    if (mask->rank != 4 || !broadcast_steps(*mask, scores, steps)) return fail(Code::InvalidShape, "[%s] the mask cannot be broadcast", call.op);
  }
  std::atomic<bool> no_memory{false};
  // One task packs a head of keys for all the heads of queries that look at it.
  call.pool->parallel_for(batch * shared, [&](size_t task) {
    HeadPanels panels = {keys, d, e};
    if (!panels.pack({k.floats() + task * keys * d, d}, {v.floats() + task * keys * e, e})) {
      no_memory = true;
      return;
    }
    for (size_t at = task * size_t(groups); at < (task + 1) * size_t(groups); at++) {
      const size_t item = at / heads, head = at % heads;
      const auto mask_row = [&](size_t query) {
        return mask ? mask->floats() + item * steps[0] + head * steps[1] + query * steps[2] : nullptr;
      };
      panels.attend(call.kernels, {q.floats() + at * queries * d, d}, queries, call.attr_float(0), mask_row, steps[3],
                    {y.floats() + at * queries * e, e});
    }
  });
  return no_memory ? fail(Code::OutOfMemory, "[%s] no memory for a head", call.op) : Status{};
}

}  // namespace octavo
