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
};

}  // namespace

const Op* find_op(int opcode) {
  for (const Op& op : kOps) {
    if (op.opcode == opcode) return &op;
  }
  return nullptr;
}

const Op* all_ops(size_t* count) {
  *count = sizeof(kOps) / sizeof(kOps[0]);
  return kOps;
}

}  // namespace octavo
