// The native ops by opcode: the same numbers as core's op table, append-only.
#pragma once
#include "../runtime/call.h"

namespace octavo {

struct Op {
  int opcode;
  const char* name;
  Status (*run)(Call& call);
};

// The op of an opcode, or nullptr where this build has none.
const Op* find_op(int opcode);
// All ops, for listing.
const Op* all_ops(size_t* count);

Status linear(Call& call);
Status quantize_dynamic(Call& call);
Status linear_quantized(Call& call);
Status linear_dynamic(Call& call);
Status layer_norm(Call& call);
Status softmax(Call& call);
Status attention(Call& call);
template <octavo_unary Fn> Status unary(Call& call);
template <octavo_binary Fn> Status binary(Call& call);
Status matmul(Call& call);
Status embedding(Call& call);
Status copy_alias(Call& call);
Status permute(Call& call);
Status select(Call& call);
Status slice(Call& call);
Status convert(Call& call);
Status arange_like(Call& call);
Status cat(Call& call);
Status choose_qparams_per_tensor(Call& call);
Status choose_qparams_per_row(Call& call);
Status quantize_per_tensor(Call& call);
Status quantize_per_row(Call& call);
Status quantize_per_channel(Call& call);
Status dequantize(Call& call);

}  // namespace octavo
