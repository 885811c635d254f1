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
// Runs an op, once its operands have orders of memory that it knows.
Status run_op(const Op& op, Call& call);
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
Status quantize_linear(Call& call);
Status dequantize_linear(Call& call);
Status quantized_add(Call& call);
Status quantized_mul(Call& call);
Status add_linear(Call& call);
Status quantized_add_scalar(Call& call);
Status quantized_mul_scalar(Call& call);
Status quantized_requantize(Call& call);
Status quantized_relu(Call& call);
Status quantized_clamp(Call& call);
Status quantized_threshold(Call& call);
Status quantized_leaky_relu(Call& call);
Status quantized_hardswish(Call& call);
Status quantized_hardsigmoid(Call& call);
Status quantized_sigmoid(Call& call);
Status quantized_tanh(Call& call);
Status quantized_gelu(Call& call);
Status quantized_elu(Call& call);
Status quantized_max_pool2d(Call& call);
Status quantized_avg_pool2d(Call& call);
Status quantized_adaptive_avg_pool2d(Call& call);
Status quantized_mean(Call& call);
Status quantized_upsample_nearest2d(Call& call);
Status quantized_upsample_bilinear2d(Call& call);
Status quantized_batch_norm(Call& call);
Status quantized_layer_norm(Call& call);
Status quantized_group_norm(Call& call);
Status quantized_softmax(Call& call);
Status quantized_matmul(Call& call);
template <size_t Bits> Status table_prepack(Call& call);
template <size_t Bits> Status table_unpack(Call& call);
template <size_t Bits> Status table_bag(Call& call);
template <size_t Bits> Status table_lookup(Call& call);
Status table_from_codes(Call& call);
Status linear_static(Call& call);
Status conv_quantized(Call& call);
Status conv_transpose_quantized(Call& call);
Status conv(Call& call);
Status conv_transpose(Call& call);
Status histc(Call& call);
Status finite_range(Call& call);
Status to_layout(Call& call);
Status batch_norm(Call& call);
Status group_norm(Call& call);
Status max_pool(Call& call);
Status avg_pool(Call& call);
Status adaptive_avg_pool(Call& call);
Status linear_weight_only(Call& call);
Status mean(Call& call);
Status upsample_nearest(Call& call);
Status upsample_bilinear(Call& call);
Status log_softmax(Call& call);
Status pad(Call& call);
Status quantized_pad(Call& call);
Status absolute(Call& call);
Status floor(Call& call);
Status ceil(Call& call);
Status round(Call& call);
Status sign(Call& call);
Status reciprocal(Call& call);
Status logarithm(Call& call);
Status logical_not(Call& call);
Status equal(Call& call);
Status less(Call& call);
Status less_or_equal(Call& call);
Status logical_and(Call& call);
Status logical_or(Call& call);
Status logical_xor(Call& call);
Status minimum(Call& call);
Status maximum(Call& call);
Status add_integers(Call& call);
Status sub_integers(Call& call);
Status mul_integers(Call& call);
Status div_integers(Call& call);
Status where(Call& call);
Status take(Call& call);
Status gather_elements(Call& call);
Status expand(Call& call);
Status repeat(Call& call);
Status flip(Call& call);
Status fmod(Call& call);
Status remainder(Call& call);
Status power(Call& call);
Status pad_from(Call& call);
Status tri(Call& call);
Status prod(Call& call);
Status argmax(Call& call);
Status argmin(Call& call);
Status cumsum(Call& call);
Status topk(Call& call);
Status dynamic_quantize_linear(Call& call);
Status matmul_integer(Call& call);
Status conv_integer(Call& call);
Status requantize_linear(Call& call);
Status sum(Call& call);
Status amax(Call& call);
Status amin(Call& call);
Status slice_like(Call& call);
Status attention_int8(Call& call);
template <octavo_activation_function Fn> Status activation(Call& call);
Status lstm_layer(Call& call);
Status gru_layer(Call& call);
Status lstm_layer_dynamic(Call& call);
Status gru_layer_dynamic(Call& call);

}  // namespace octavo
