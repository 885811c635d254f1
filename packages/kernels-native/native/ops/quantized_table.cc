// Ops of one tensor of codes: there are 256 codes, so that each is a table of 256 entries, made by the formula of core's
// `ops/quantized` in float32 and then looked up.
#include "quantized.h"

namespace octavo {
namespace {

float clamped(float x, float low, float high) { return x < low ? low : x > high ? high : x; }

// Fills codes[i], the result for code low + i of the operand, for all 256.
using Fill = void (*)(const Call& call, CodeType type, int32_t* codes);

Status run_table(Call& call, Fill fill) {
  OCTAVO_TRY(expect_codes_to_codes(call, 1, 1));
  const View &x = call.inputs[0], &y = call.outputs[0];
  OCTAVO_TRY(expect_same_dims(call, "y", y, x));
  const CodeType type = code_type(x);
  int32_t codes[256];
  fill(call, type, codes);
  uint8_t table[256];
  for (int32_t i = 0; i < 256; i++) table[uint8_t(i) ^ type.flip] = uint8_t(codes[i]);
  for_row_chunks(call, x.size(), 1, [&](size_t from, size_t to) {
    call.kernels->codes->look_up(table, x.data + from, y.data + from, to - from);
  });
  return {};
}

void dequantize_all(CodeType type, AttrQParams x, float* values) {
  for (int32_t i = 0; i < 256; i++) values[i] = float(type.low + i - x.zero) * x.scale;
}

void quantize_all(CodeType type, AttrQParams y, int32_t low, const float* values, int32_t* codes) {
  for (int32_t i = 0; i < 256; i++) codes[i] = quantize_value(values[i], 1.0f / y.scale, y.zero, low, type.high);
}

int32_t lowest_code(bool relu, int32_t zero, CodeType type) { return relu ? zero : type.low; }

// quantize(fn(dequantize(x))). attrs: xScale, xZeroPoint, `params` numbers, scale, zeroPoint.
template <class Fn> void activation(const Call& call, CodeType type, size_t params, int32_t* codes, Fn fn) {
  float values[256];
  dequantize_all(type, qparams_attr(call, 0), values);
  fn(values);
  quantize_all(type, qparams_attr(call, 2 + params), type.low, values, codes);
}

template <class Fn> void for_each(float* values, Fn fn) {
  for (int i = 0; i < 256; i++) values[i] = fn(values[i]);
}

}  // namespace

// attrs: xScale, xZeroPoint, other, scale, zeroPoint, relu.
Status quantized_add_scalar(Call& call) {
  return run_table(call, [](const Call& c, CodeType type, int32_t* codes) {
    const AttrQParams x = qparams_attr(c, 0), y = qparams_attr(c, 3);
    const float multiplier = x.scale * (1.0f / y.scale);
    const double shift = (c.attr_count > 2 ? c.attrs[2] : 0.0) - x.zero;
    const int32_t low = lowest_code(c.attr_int(5) == 1, y.zero, type);
    for (int32_t i = 0; i < 256; i++) codes[i] = quantize_value(float(type.low + i + shift), multiplier, y.zero, low, type.high);
  });
}

// attrs: xZeroPoint, other, relu.
Status quantized_mul_scalar(Call& call) {
  return run_table(call, [](const Call& c, CodeType type, int32_t* codes) {
    const double other = c.attr_count > 1 ? c.attrs[1] : 0.0;
    const auto mirrored = [&](int32_t code) { return other > 0 ? code : type.low + type.high - code; };
    const int32_t low = lowest_code(c.attr_int(2) == 1, mirrored(int32_t(c.attr_int(0))), type);
    for (int32_t i = 0; i < 256; i++) {
      const int32_t code = mirrored(type.low + i);
      codes[i] = other == 0 ? 0 : code > low ? code : low;
    }
  });
}

// attrs: xScale, xZeroPoint, scale, zeroPoint, relu.
Status quantized_requantize(Call& call) {
  return run_table(call, [](const Call& c, CodeType type, int32_t* codes) {
    const AttrQParams y = qparams_attr(c, 2);
    float values[256];
    dequantize_all(type, qparams_attr(c, 0), values);
    quantize_all(type, y, lowest_code(c.attr_int(4) == 1, y.zero, type), values, codes);
  });
}

// attrs: xZeroPoint.
Status quantized_relu(Call& call) {
  return run_table(call, [](const Call& c, CodeType type, int32_t* codes) {
    const int32_t zero = int32_t(c.attr_int(0));
    for (int32_t i = 0; i < 256; i++) codes[i] = type.low + i > zero ? type.low + i : zero;
  });
}

// attrs: xScale, xZeroPoint, min, max.
Status quantized_clamp(Call& call) {
  return run_table(call, [](const Call& c, CodeType type, int32_t* codes) {
    const AttrQParams x = qparams_attr(c, 0);
    const int32_t low = quantize_value(c.attr_float(2), 1.0f / x.scale, x.zero, type.low, type.high);
    const int32_t high = quantize_value(c.attr_float(3), 1.0f / x.scale, x.zero, type.low, type.high);
    for (int32_t i = 0; i < 256; i++) {
      const int32_t code = type.low + i;
      codes[i] = code < low ? low : code > high ? high : code;
    }
  });
}

// attrs: xScale, xZeroPoint, threshold, value.
Status quantized_threshold(Call& call) {
  return run_table(call, [](const Call& c, CodeType type, int32_t* codes) {
    const AttrQParams x = qparams_attr(c, 0);
    const int32_t below = quantize_value(c.attr_float(3), 1.0f / x.scale, x.zero, type.low, type.high);
    float values[256];
    dequantize_all(type, x, values);
    for (int32_t i = 0; i < 256; i++) codes[i] = values[i] > c.attr_float(2) ? type.low + i : below;
  });
}

// attrs: xScale, xZeroPoint, negativeSlope, scale, zeroPoint.
Status quantized_leaky_relu(Call& call) {
  return run_table(call, [](const Call& c, CodeType type, int32_t* codes) {
    const float slope = c.attr_float(2);
    activation(c, type, 1, codes, [slope](float* values) { for_each(values, [slope](float x) { return x > 0 ? x : x * slope; }); });
  });
}

// This and the next five: xScale, xZeroPoint, scale, zeroPoint.
Status quantized_hardswish(Call& call) {
  return run_table(call, [](const Call& c, CodeType type, int32_t* codes) {
    activation(c, type, 0, codes, [](float* values) { for_each(values, [](float x) { return x * clamped(x + 3.0f, 0.0f, 6.0f) / 6.0f; }); });
  });
}

Status quantized_hardsigmoid(Call& call) {
  return run_table(call, [](const Call& c, CodeType type, int32_t* codes) {
    activation(c, type, 0, codes, [](float* values) { for_each(values, [](float x) { return clamped(x + 3.0f, 0.0f, 6.0f) / 6.0f; }); });
  });
}

Status quantized_sigmoid(Call& call) {
  return run_table(call, [](const Call& c, CodeType type, int32_t* codes) {
    activation(c, type, 0, codes, [&](float* values) { c.kernels->unary(OCTAVO_UNARY_SIGMOID, values, values, 256); });
  });
}

Status quantized_tanh(Call& call) {
  return run_table(call, [](const Call& c, CodeType type, int32_t* codes) {
    activation(c, type, 0, codes, [&](float* values) { c.kernels->unary(OCTAVO_UNARY_TANH, values, values, 256); });
  });
}

Status quantized_gelu(Call& call) {
  return run_table(call, [](const Call& c, CodeType type, int32_t* codes) {
    activation(c, type, 0, codes, [&](float* values) { c.kernels->unary(OCTAVO_UNARY_GELU, values, values, 256); });
  });
}

Status quantized_gelu_tanh(Call& call) {
  return run_table(call, [](const Call& c, CodeType type, int32_t* codes) {
    activation(c, type, 0, codes, [&](float* values) { c.kernels->unary(OCTAVO_UNARY_GELU_TANH, values, values, 256); });
  });
}

// attrs: xScale, xZeroPoint, alpha, inputScale, scale, zeroPoint.
Status quantized_elu(Call& call) {
  return run_table(call, [](const Call& c, CodeType type, int32_t* codes) {
    const float alpha = c.attr_float(2), input_scale = c.attr_float(3);
    activation(c, type, 2, codes, [&](float* values) {
      float exps[256];
      for (int i = 0; i < 256; i++) exps[i] = values[i] * input_scale;
      c.kernels->unary(OCTAVO_UNARY_EXP, exps, exps, 256);
      for (int i = 0; i < 256; i++) values[i] = values[i] >= 0 ? values[i] : (exps[i] - 1.0f) * alpha;
    });
  });
}

}  // namespace octavo
