#include "ops.h"

namespace octavo {
namespace {

const Op kOps[] = {
    {1, "aten::linear", linear},
    {2, "octavo::quantize_dynamic", quantize_dynamic},
    {3, "octavo::linear_quantized", linear_quantized},
    {4, "quantized::linear_dynamic", linear_dynamic},
    {5, "aten::layer_norm", layer_norm},
    {6, "aten::softmax", softmax},
    {7, "octavo::multi_head_attention", attention},
    {8, "aten::gelu", unary<OCTAVO_UNARY_GELU>},
    {9, "aten::relu", unary<OCTAVO_UNARY_RELU>},
    {10, "aten::tanh", unary<OCTAVO_UNARY_TANH>},
    {11, "aten::sigmoid", unary<OCTAVO_UNARY_SIGMOID>},
    {12, "aten::erf", unary<OCTAVO_UNARY_ERF>},
    {13, "aten::exp", unary<OCTAVO_UNARY_EXP>},
    {14, "aten::sqrt", unary<OCTAVO_UNARY_SQRT>},
    {15, "aten::neg", unary<OCTAVO_UNARY_NEG>},
    {16, "aten::add", binary<OCTAVO_BINARY_ADD>},
    {17, "aten::sub", binary<OCTAVO_BINARY_SUB>},
    {18, "aten::mul", binary<OCTAVO_BINARY_MUL>},
    {19, "aten::div", binary<OCTAVO_BINARY_DIV>},
    {20, "aten::matmul", matmul},
    {21, "aten::embedding", embedding},
    {22, "aten::reshape", copy_alias},
    {23, "aten::permute", permute},
    {24, "aten::select", select},
    {25, "aten::slice", slice},
    {26, "aten::unsqueeze", copy_alias},
    {27, "aten::to", convert},
    {28, "octavo::arange_like", arange_like},
    {29, "aten::cat", cat},
    {30, "aten::_choose_qparams_per_tensor", choose_qparams_per_tensor},
    {31, "octavo::choose_qparams_per_row", choose_qparams_per_row},
    {32, "aten::quantize_per_tensor", quantize_per_tensor},
    {33, "octavo::quantize_per_row", quantize_per_row},
    {34, "aten::quantize_per_channel", quantize_per_channel},
    {35, "aten::dequantize", dequantize},
    {36, "quantized::linear", linear_static},
    {37, "quantized::conv", conv_quantized},
    {38, "quantized::conv_transpose", conv_transpose_quantized},
    {39, "aten::conv", conv},
    {40, "aten::conv_transpose", conv_transpose},
    {50, "quantized::add", quantized_add},
    {51, "quantized::mul", quantized_mul},
    {52, "quantized::add_scalar", quantized_add_scalar},
    {53, "quantized::mul_scalar", quantized_mul_scalar},
    {54, "quantized::requantize", quantized_requantize},
    {55, "quantized::relu", quantized_relu},
    {56, "quantized::clamp", quantized_clamp},
    {57, "quantized::threshold", quantized_threshold},
    {58, "quantized::leaky_relu", quantized_leaky_relu},
    {59, "quantized::hardswish", quantized_hardswish},
    {60, "quantized::hardsigmoid", quantized_hardsigmoid},
    {61, "quantized::sigmoid", quantized_sigmoid},
    {62, "quantized::tanh", quantized_tanh},
    {63, "quantized::elu", quantized_elu},
    {64, "quantized::max_pool2d", quantized_max_pool2d},
    {65, "quantized::avg_pool2d", quantized_avg_pool2d},
    {66, "quantized::adaptive_avg_pool2d", quantized_adaptive_avg_pool2d},
    {67, "quantized::mean", quantized_mean},
    {68, "quantized::upsample_nearest2d", quantized_upsample_nearest2d},
    {69, "quantized::upsample_bilinear2d", quantized_upsample_bilinear2d},
    {70, "quantized::batch_norm", quantized_batch_norm},
    {71, "quantized::layer_norm", quantized_layer_norm},
    {72, "quantized::group_norm", quantized_group_norm},
    {73, "quantized::softmax", quantized_softmax},
    {74, "quantized::matmul", quantized_matmul},
    {93, "aten::histc", histc},
    {94, "octavo::finite_range", finite_range},
    {100, "quantized::embedding_bag_byte_prepack", table_prepack<8>},
    {101, "quantized::embedding_bag_byte_unpack", table_unpack<8>},
    {102, "quantized::embedding_bag_byte_rowwise_offsets", table_bag<8>},
    {103, "quantized::embedding_byte", table_lookup<8>},
    {104, "quantized::embedding_bag_4bit_prepack", table_prepack<4>},
    {105, "quantized::embedding_bag_4bit_unpack", table_unpack<4>},
    {106, "quantized::embedding_bag_4bit_rowwise_offsets", table_bag<4>},
    {107, "quantized::embedding_4bit", table_lookup<4>},
    {108, "quantized::embedding_bag_2bit_prepack", table_prepack<2>},
    {109, "quantized::embedding_bag_2bit_unpack", table_unpack<2>},
    {110, "quantized::embedding_bag_2bit_rowwise_offsets", table_bag<2>},
    {111, "quantized::embedding_2bit", table_lookup<2>},
    {112, "quantized::embedding_bag_prepack", table_from_codes},
    {113, "octavo::to_layout", to_layout},
    {41, "aten::batch_norm", batch_norm},
    {42, "aten::max_pool", max_pool},
    {43, "aten::avg_pool", avg_pool},
    {44, "aten::adaptive_avg_pool", adaptive_avg_pool},
    {45, "aten::group_norm", group_norm},
    {46, "aten::clamp", activation<OCTAVO_ACTIVATION_CLAMP>},
    {47, "aten::hardswish", activation<OCTAVO_ACTIVATION_HARDSWISH>},
    {48, "aten::hardsigmoid", activation<OCTAVO_ACTIVATION_HARDSIGMOID>},
    {49, "aten::elu", activation<OCTAVO_ACTIVATION_ELU>},
    {75, "aten::leaky_relu", activation<OCTAVO_ACTIVATION_LEAKY_RELU>},
    {81, "aten::silu", activation<OCTAVO_ACTIVATION_SILU>},
    {82, "aten::sin", unary<OCTAVO_UNARY_SIN>},
    {83, "aten::cos", unary<OCTAVO_UNARY_COS>},
    {84, "aten::scaled_dot_product_attention", scaled_dot_product_attention},
    {85, "aten::gelu_tanh", unary<OCTAVO_UNARY_GELU_TANH>},
    {86, "quantized::gelu_tanh", quantized_gelu_tanh},
    {87, "aten::rms_norm", rms_norm},
    {177, "aten::lstm_layer", lstm_layer},
    {178, "aten::gru_layer", gru_layer},
    {179, "quantized::lstm_layer_dynamic", lstm_layer_dynamic},
    {180, "quantized::gru_layer_dynamic", gru_layer_dynamic},
    {181, "aten::rnn_tanh_layer", rnn_tanh_layer},
    {182, "aten::rnn_relu_layer", rnn_relu_layer},
    {183, "quantized::rnn_tanh_layer_dynamic", rnn_tanh_layer_dynamic},
    {184, "quantized::rnn_relu_layer_dynamic", rnn_relu_layer_dynamic},
    {190, "quantized::gelu", quantized_gelu},
    {161, "octavo::quantize_linear", quantize_linear},
    {162, "octavo::dequantize_linear", dequantize_linear},
    {76, "aten::mean", mean},
    {77, "aten::upsample_nearest", upsample_nearest},
    {78, "aten::upsample_bilinear", upsample_bilinear},
    {80, "aten::log_softmax", log_softmax},
    {90, "aten::pad", pad},
    {95, "quantized::pad", quantized_pad},
    {96, "octavo::conv_affine", conv_affine},
    {120, "aten::abs", absolute},
    {121, "aten::floor", floor},
    {122, "aten::ceil", ceil},
    {123, "aten::round", round},
    {124, "aten::sign", sign},
    {125, "aten::reciprocal", reciprocal},
    {126, "aten::log", logarithm},
    {127, "aten::logical_not", logical_not},
    {128, "aten::eq", equal},
    {129, "aten::lt", less},
    {130, "aten::le", less_or_equal},
    {131, "aten::logical_and", logical_and},
    {132, "aten::logical_or", logical_or},
    {133, "aten::logical_xor", logical_xor},
    {134, "aten::minimum", minimum},
    {135, "aten::maximum", maximum},
    {136, "aten::fmod", fmod},
    {137, "aten::remainder", remainder},
    {138, "aten::pow", power},
    {139, "octavo::add_integers", add_integers},
    {140, "octavo::sub_integers", sub_integers},
    {141, "octavo::mul_integers", mul_integers},
    {142, "octavo::div_integers", div_integers},
    {143, "aten::where", where},
    {144, "octavo::take", take},
    {145, "aten::gather", gather_elements},
    {146, "aten::expand", expand},
    {147, "aten::repeat", repeat},
    {148, "aten::flip", flip},
    {149, "octavo::pad_from", pad_from},
    {150, "octavo::tri", tri},
    {153, "aten::sum", sum},
    {154, "aten::amax", amax},
    {155, "aten::amin", amin},
    {156, "aten::prod", prod},
    {157, "aten::argmax", argmax},
    {158, "aten::argmin", argmin},
    {159, "aten::cumsum", cumsum},
    {160, "aten::topk", topk},
    {163, "octavo::dynamic_quantize_linear", dynamic_quantize_linear},
    {164, "octavo::matmul_integer", matmul_integer},
    {165, "octavo::conv_integer", conv_integer},
    {166, "octavo::requantize_linear", requantize_linear},
    {171, "octavo::slice_like", slice_like},
    {185, "aten::_shape_as_tensor", shape_as_tensor},
    {186, "octavo::expand_like", expand_like},
    {187, "octavo::reshape_like", reshape_like},
    {191, "octavo::multi_head_attention_int8", attention_int8},
    {192, "octavo::linear_weight_only", linear_weight_only},
    {172, "octavo::add_linear", add_linear},
    {173, "octavo::avg_pool_linear", quantized_avg_pool2d},
    {174, "octavo::adaptive_avg_pool_linear", quantized_adaptive_avg_pool2d},
    {175, "octavo::mean_linear", quantized_mean},
};

// What an op does with channels-last views: refuses them, takes them where its first operand and its output agree, or
// checks orders itself. `src/layout.ts` chooses by the same rules.
enum class Orders { kRowMajor, kSame, kOwnCheck };
Orders orders_of(int opcode) {
  if (opcode >= 8 && opcode <= 15) return Orders::kSame;                     // functions of one float
  if (opcode >= 16 && opcode <= 19) return Orders::kOwnCheck;                // float arithmetic
  if (opcode == 29 || opcode == 32 || opcode == 35) return Orders::kOwnCheck;  // cat, quantize_per_tensor, dequantize
  if ((opcode >= 37 && opcode <= 39) || opcode == 96) return Orders::kOwnCheck;  // convolutions
  if (opcode >= 41 && opcode <= 49 && opcode != 45) return Orders::kSame;    // batch norm, pools, activations
  if (opcode == 75 || (opcode >= 81 && opcode <= 86 && opcode != 84)) return Orders::kSame;  // functions of one number
  if (opcode == 50 || opcode == 51) return Orders::kOwnCheck;                // arithmetic of codes
  if (opcode >= 52 && opcode <= 66) return Orders::kSame;                    // functions and pools of codes
  if (opcode == 67) return Orders::kOwnCheck;                                // mean of codes
  if (opcode >= 68 && opcode <= 70) return Orders::kSame;                    // resizing and batch norm of codes
  if (opcode == 161 || opcode == 162 || opcode == 172) return Orders::kOwnCheck;  // ONNX's quantization, and sum of codes
  if (opcode == 173 || opcode == 174) return Orders::kSame;                  // pools of codes
  if (opcode == 175) return Orders::kOwnCheck;                               // mean of codes
  return opcode == 113 ? Orders::kOwnCheck : Orders::kRowMajor;
}

}  // namespace

Status run_op(const Op& op, Call& call) {
  const Orders orders = orders_of(op.opcode);
  if (orders != Orders::kOwnCheck) {
    bool right = true;
    const bool allowed = orders == Orders::kSame && call.input_count != 0 && call.inputs[0].channels_last;
    for (size_t i = 0; i < call.input_count; i++) right = right && (!call.inputs[i].channels_last || (allowed && i == 0));
    for (size_t i = 0; i < call.output_count; i++) right = right && call.outputs[i].channels_last == allowed;
    if (!right) return fail(Code::InvalidArgument, "[%s] does not take its operands in these orders of memory", op.name);
  }
  // Nothing to compute, and nothing that an op would have to divide by. Shapes were checked by whoever made the outputs.
  bool empty = call.output_count != 0;
  for (size_t i = 0; i < call.output_count; i++) empty = empty && call.outputs[i].size() == 0;
  return empty ? Status() : op.run(call);
}

const Op* find_op(size_t opcode) {
  static const std::vector<const Op*> by_opcode = [] {
    std::vector<const Op*> table;
    for (const Op& op : kOps) {
      if (table.size() <= size_t(op.opcode)) table.resize(size_t(op.opcode) + 1);
      table[size_t(op.opcode)] = &op;
    }
    return table;
  }();
  return opcode < by_opcode.size() ? by_opcode[opcode] : nullptr;
}

const Op* all_ops(size_t* count) {
  *count = sizeof(kOps) / sizeof(kOps[0]);
  return kOps;
}

}  // namespace octavo
