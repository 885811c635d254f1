import {
  ConvPackedParams,
  type DType,
  DYNAMIC_SCHEMES,
  LinearPackedParams,
  PER_ROW,
  PER_TENSOR,
  type QParams,
  type QuantizedTensor,
  STATIC_ACTIVATIONS,
  Tensor,
} from '@octavo/core';
import { leafTensor } from '../../../ir/leaf-nodes.js';
import type { Node } from '../../../ir/node.js';
import { quantizerOf } from '../../../ir/quantizers.js';
import { codesOf } from '../../../passes/pack-weight.js';
import { type ModelWriter, ONNX_TYPES } from '../model-writer.js';
import type { ExportContext, ExportRule } from '../rule.js';
import { ELEMENTWISE_RULES } from './elementwise.js';
import { convAttributes, NN_RULES, turned } from './nn.js';
import { rowCodes, runTimeCodes } from './run-time-codes.js';
import { SHAPE_RULES } from './shape.js';

// Static int8 ops become float ops between DequantizeLinear and QuantizeLinear, as ONNX Runtime's quantizer writes them:
// its optimiser puts them onto int8 kernels, and any other reader has their meaning. ONNX divides by a scale where our
// definition multiplies by its float32 reciprocal, and requantizes from a float32 sum where ours multiplies the exact one
// by one factor: codes may differ by one where a value lies at a tie.

function quantized(writer: ModelWriter, x: string, { scale, zeroPoint }: QParams, dtype: DType): string {
  return writer.op('QuantizeLinear', [x, writer.scalar(scale), writer.scalar(zeroPoint, dtype)]);
}

function dequantized(writer: ModelWriter, codes: string, { scale, zeroPoint }: QParams, dtype: DType): string {
  return writer.op('DequantizeLinear', [codes, writer.scalar(scale), writer.scalar(zeroPoint, dtype)]);
}

/** Floats of an operand's codes. A node of its own for each reader: that is the pattern that optimisers look for. */
function floatsOf(n: ExportContext, index: number): string {
  const value = n.node.input(index);
  return dequantized(n.writer, n.input(index), n.qparams(value), n.dtype(value));
}

function result(n: ExportContext, y: string): string {
  const { output } = n.node;
  return quantized(n.writer, y, n.qparams(output), n.dtype(output));
}

/** The float rule of an op on floats of the codes in its first `count` operands. */
const around =
  (rule: ExportRule | undefined, count = 1): ExportRule =>
  (n) => {
    const floats = Array.from({ length: count }, (_, i) => floatsOf(n, i));
    const y = (rule as ExportRule)(n.reading(floats)) as string;
    return result(n, n.number('relu') === 1 ? n.writer.op('Relu', [y]) : y);
  };

/**
 * Scales and zero points of a weight as initializers: numbers, or vectors along its axis. Zero points of two weights are
 * never one tensor, though they be equal: ONNX Runtime's optimiser shifts weights and zero points in place.
 */
function weightQParams(
  n: ExportContext,
  name: string,
  { scales, zeroPoints, axis }: QuantizedTensor,
): readonly [scale: string, zeroPoint: string] {
  const dims = axis === null ? [] : [scales.length];
  return n.once(`qparams ${name}`, () => [
    n.writer.constant('float32', [...scales], dims),
    n.writer.initializer(`${name}.zero_point`, new Tensor('int8', Int8Array.from(zeroPoints), dims)),
  ]) as [string, string];
}

/** Floats of an int8 weight. `axis` is that of its scales in `codes`. */
function weightFloats(n: ExportContext, name: string, weight: QuantizedTensor, codes: string, axis: number): string {
  const inputs = [codes, ...weightQParams(n, name, weight)];
  return n.writer.op('DequantizeLinear', inputs, weight.axis === null ? {} : { axis });
}

/** The bias in int32, with the scale of the sums that it is added to: x's times the weight's. */
function biasFloats(n: ExportContext, name: string, bias: Tensor<'float32'>, weight: QuantizedTensor, xScale: number) {
  const { writer } = n;
  const of = (channel: number): number => weight.scales[weight.axis === null ? 0 : channel] as number;
  const [codes, scales] = n.once(`bias ${name} ${xScale}`, () => {
    const sums = Int32Array.from(bias.raw.data, (value, i) => asInt32(value / Math.fround(xScale * of(i))));
    const scale = Float32Array.from(weight.scales, (own) => xScale * own);
    return [
      writer.initializer(`${name}.bias`, new Tensor('int32', sums, bias.raw.dims)),
      writer.constant('float32', [...scale], weight.axis === null ? [] : [scale.length]),
    ];
  }) as [string, string];
  return writer.op('DequantizeLinear', [codes, scales], weight.axis === null ? {} : { axis: 0 });
}

function asInt32(value: number): number {
  const floor = Math.floor(value);
  const up = value - floor > 0.5 || (value - floor === 0.5 && floor % 2 !== 0);
  return Math.min(Math.max(up ? floor + 1 : floor, -(2 ** 31)), 2 ** 31 - 1);
}

/**
 * The codes of `y`, which a relu or relu6 may still clamp. Where the codes' own range ends at the bounds it changes
 * nothing and is left out; else it stands behind the int8 op, so that the op keeps the pattern of an int8 kernel.
 */
function clampedResult(n: ExportContext, y: string): string {
  const codes = result(n, y);
  const { output } = n.node;
  const qparams = n.qparams(output);
  const activation = n.number('activation', STATIC_ACTIVATIONS.none);
  if (activation === STATIC_ACTIVATIONS.none) return codes;
  const [low, high] = n.dtype(output) === 'int8' ? [-128, 127] : [0, 255];
  const most = qparams.zeroPoint + Math.round(6 / qparams.scale);
  const ends = activation === STATIC_ACTIVATIONS.relu || most >= high;
  if (qparams.zeroPoint <= low && ends) return codes;
  const { writer } = n;
  const upper = activation === STATIC_ACTIVATIONS.relu6 ? writer.scalar(6) : '';
  const clamped = writer.op('Clip', [dequantized(writer, codes, qparams, n.dtype(output)), writer.scalar(0), upper]);
  return result(n, clamped);
}

/** The codes of a linear's weight as [in, out], stored once. */
function turnedCodes(n: ExportContext, name: string, weight: QuantizedTensor): string {
  return (
    n.once(`turned codes ${name}`, () => [n.writer.initializer(`${name}.weight.T`, turned(weight.values))]) as [string]
  )[0];
}

const staticLinear: ExportRule = (n) => {
  const { name, operand } = n.leaf(1);
  if (!LinearPackedParams.is(operand)) throw n.unsupported('its weight is no packed linear weight');
  const { weight, bias } = operand;
  const { writer } = n;
  const x = floatsOf(n, 0);
  if (n.dims(0)?.length !== 2) {
    const product = writer.op('MatMul', [x, weightFloats(n, name, weight, turnedCodes(n, name, weight), 1)]);
    return clampedResult(
      n,
      bias === null ? product : writer.op('Add', [product, writer.initializer(`${name}.bias`, bias)]),
    );
  }
  const inputs = [x, weightFloats(n, name, weight, writer.initializer(`${name}.weight`, weight.values), 0)];
  if (bias !== null) inputs.push(biasFloats(n, name, bias, weight, n.qparams(n.node.input(0)).scale));
  return clampedResult(n, writer.op('Gemm', inputs, { transB: 1 }));
};

/** A linear of codes whose result stays float: int8 where a reader's optimiser knows this pattern, else float. */
const linearFloatResult: ExportRule = (n) => {
  const { name, operand } = n.leaf(3);
  if (!LinearPackedParams.is(operand)) throw n.unsupported('its weight is no packed linear weight');
  const { weight, bias } = operand;
  const { writer } = n;
  const floats = weightFloats(n, name, weight, turnedCodes(n, name, weight), 1);
  const product = writer.op('MatMul', [floatsOf(n, 0), floats]);
  return n.activated(bias === null ? product : writer.op('Add', [product, writer.initializer(`${name}.bias`, bias)]));
};

/** Codes in groups become rows of one scale each, [out * groups, groupSize], whose floats are the weight. */
const weightOnlyLinear: ExportRule = (n) => {
  const [codes, scales, zeroPoints] = [1, 2, 3].map((index) => n.tensor(index));
  if (!codes || !scales || !zeroPoints) throw n.unsupported('its weight is computed at run time');
  const { writer } = n;
  const [bits, groupSize] = [n.number('bits'), n.number('groupSize')];
  const [out, bytes] = codes.tensor.raw.dims as [number, number];
  const width = (bytes * 8) / bits;
  const groups = scales.tensor.raw.dims[1] as number;
  if (width !== groups * groupSize) throw n.unsupported('its last group is shorter than the others');
  const [weight] = n.once(`${codes.name} floats`, () => {
    const packed = codes.tensor.raw.data as Uint8Array;
    const values = Uint8Array.from({ length: out * width }, (_, i) => {
      const byte = packed[Math.floor((i * bits) / 8)] as number;
      return (byte >> ((i * bits) % 8)) & (2 ** bits - 1);
    });
    const flat = (tensor: Tensor): Tensor => new Tensor(tensor.type, tensor.raw.data as never, [out * groups]);
    const rows = writer.op(
      'DequantizeLinear',
      [
        writer.initializer(codes.name, new Tensor('uint8', values, [out * groups, groupSize])),
        writer.initializer(scales.name, flat(scales.tensor)),
        writer.initializer(zeroPoints.name, flat(zeroPoints.tensor)),
      ],
      { axis: 0 },
    );
    return [writer.op('Transpose', [writer.op('Reshape', [rows, writer.ints([out, width])])], { perm: [1, 0] })];
  });
  const product = writer.op('MatMul', [n.input(0), weight as string]);
  return n.activated(n.has(4) ? writer.op('Add', [product, n.input(4)]) : product);
};

const staticConv: ExportRule = (n) => {
  const { name, operand } = n.leaf(1);
  if (!ConvPackedParams.is(operand)) throw n.unsupported('its weight is no packed convolution weight');
  const { weight, bias, rank, groups, transposed, outputPadding } = operand;
  const options = operand as unknown as Readonly<Record<string, readonly number[]>>;
  const attrs = convAttributes({ list: (option) => options[option] ?? [], groups }, rank);
  const inputs = [
    floatsOf(n, 0),
    weightFloats(n, name, weight, n.writer.initializer(`${name}.weight`, weight.values), weight.axis ?? 0),
  ];
  if (bias !== null) inputs.push(biasFloats(n, name, bias, weight, n.qparams(n.node.input(0)).scale));
  const type = transposed ? 'ConvTranspose' : 'Conv';
  return clampedResult(
    n,
    n.writer.op(type, inputs, { ...attrs, ...(transposed && { output_padding: outputPadding }) }),
  );
};

/** Sums of each output's weights, which a zero point for each row multiplies: MatMulInteger itself takes one a tensor. */
function weightSums(n: ExportContext, name: string, { values }: QuantizedTensor): string {
  const [out, width] = values.raw.dims as [number, number];
  const codes = values.raw.data as Int8Array;
  const [sums] = n.once(`weight sums ${name}`, () => {
    const rows = Int32Array.from({ length: out }, (_, row) =>
      codes.subarray(row * width, (row + 1) * width).reduce((sum, code) => sum + code, 0),
    );
    return [n.writer.initializer(`${name}.weight_sums`, new Tensor('int32', rows, [out]))];
  }) as [string];
  return sums;
}

/** Codes of x, MatMulInteger, and the scales and bias in float: what ONNX Runtime's quantizer writes. */
const linearDynamic: ExportRule = (n) => {
  const { name, operand } = n.leaf(1);
  if (!LinearPackedParams.is(operand)) throw n.unsupported('its weight is no packed linear weight');
  const { weight, bias } = operand;
  const { writer } = n;
  const [weightScale, weightZero] = weightQParams(n, name, weight);
  const symmetric = weight.zeroPoints.every((point) => point === 0);
  const perRow = n.number('scheme') === DYNAMIC_SCHEMES.perRow;
  if (perRow && !symmetric) throw n.unsupported('ranges of rows with weights that have zero points');
  const x = (perRow ? rowCodes : runTimeCodes)(n, n.node.input(0), n.number('reduceRange') === 1);
  const codes = [x.codes, turnedCodes(n, name, weight)];
  const zeroPoints = perRow ? [] : [x.zeroPoint, ...(symmetric ? [] : [weightZero])];
  let sums = writer.op('MatMulInteger', [...codes, ...zeroPoints]);
  if (perRow) sums = writer.op('Sub', [sums, writer.op('Mul', [x.zeroPoint, weightSums(n, name, weight)])]);
  const factor = writer.op('Mul', [x.scale, weightScale]);
  const product = writer.op('Mul', [writer.op('Cast', [sums], { to: ONNX_TYPES.float32 }), factor]);
  return n.activated(bias === null ? product : writer.op('Add', [product, writer.initializer(`${name}.bias`, bias)]));
};

const chooseQParams: ExportRule = (n) => {
  const { scale, zeroPoint } = runTimeCodes(n, n.node.input(0), n.number('reduceRange') === 1);
  return [scale, zeroPoint];
};

/** Scales and zero points of the codes that a quantize node makes, in ONNX's types: zero points are of the codes' type. */
function quantizerInputs(n: ExportContext, quantizer: Node): readonly [scale: string, zeroPoint: string] {
  const [scale, zeroPoint] = [quantizer.input(1), quantizer.input(2)];
  const [scales, zeroPoints] = [leafTensor(scale), leafTensor(zeroPoint)];
  if (scales === undefined || zeroPoints === undefined) {
    if (zeroPoint.node.op === 'aten::_choose_qparams_per_tensor') return [n.name(scale), n.name(zeroPoint)];
    throw n.unsupported('its scale is computed at run time');
  }
  if (isConstant(quantizer)) return weightQParams(n, n.nameOf(quantizer.input(0)), codesOf(quantizer));
  return [
    n.writer.scalar((scales.raw.data as Float32Array)[0] as number),
    n.writer.scalar((zeroPoints.raw.data as Int32Array)[0] as number, n.dtype(quantizer.output)),
  ];
}

/** True for a node of constants alone: a quantized weight. */
function isConstant(quantizer: Node): boolean {
  return quantizer.inputs.every((input) => input !== null && leafTensor(input) !== undefined);
}

/** Codes of a constant are computed now, and stored as such. */
const quantize: ExportRule = (n) => {
  const { node, writer } = n;
  if (isConstant(node)) return writer.initializer(`${n.nameOf(node.input(0))}.codes`, codesOf(node).values);
  if (node.op === 'aten::quantize_per_channel') throw n.unsupported('activations have one scale');
  return writer.op('QuantizeLinear', [n.input(0), ...quantizerInputs(n, node)]);
};

/** The qparams are those of the node that made the codes, or of the int8 op. */
const dequantize: ExportRule = (n) => {
  const quantizer = n.node.input(0).node;
  const axis = quantizerOf(quantizer)?.dequantizeAxis(quantizer);
  if (axis === undefined) return floatsOf(n, 0);
  if (axis === PER_ROW) throw n.unsupported('ONNX has no scales for each row of codes');
  const inputs = [n.input(0), ...quantizerInputs(n, quantizer)];
  return n.writer.op('DequantizeLinear', inputs, axis === PER_TENSOR ? {} : { axis });
};

const mean: ExportRule = (n) =>
  result(
    n,
    n.writer.op('ReduceMean', [floatsOf(n, 0)], {
      ...(n.list('dims').length > 0 && { axes: n.list('dims') }),
      keepdims: n.number('keepdim'),
    }),
  );

/** ONNX's own quantization, as an imported graph has it. */
const linearQuantization =
  (type: string): ExportRule =>
  (n) => {
    if (n.number('blockSize') !== 0) throw n.unsupported('blocks of scales came with opset 21');
    const inputs = n.node.inputs.map((input, i) => (input === null ? '' : n.input(i)));
    return n.writer.op(type, inputs, { axis: n.number('axis', 1) });
  };

const integerProduct: ExportRule = (n) =>
  n.writer.op(
    'MatMulInteger',
    n.node.inputs.map((input, i) => (input === null ? '' : n.input(i))),
  );

const rules = { ...ELEMENTWISE_RULES, ...NN_RULES, ...SHAPE_RULES };

export const QUANTIZED_RULES: Readonly<Record<string, ExportRule>> = {
  'aten::_choose_qparams_per_tensor': chooseQParams,
  'aten::dequantize': dequantize,
  'aten::quantize_per_channel': quantize,
  'aten::quantize_per_tensor': quantize,
  'octavo::add_linear': around(rules['aten::add'], 2),
  'octavo::adaptive_avg_pool_linear': around(rules['aten::adaptive_avg_pool']),
  'octavo::avg_pool_linear': around(rules['aten::avg_pool']),
  'octavo::dequantize_linear': linearQuantization('DequantizeLinear'),
  'octavo::dynamic_quantize_linear': (n) => n.writer.ops('DynamicQuantizeLinear', [n.input(0)], 3),
  'octavo::linear_quantized': linearFloatResult,
  'octavo::linear_weight_only': weightOnlyLinear,
  'octavo::mean_linear': mean,
  'octavo::matmul_integer': integerProduct,
  'octavo::quantize_linear': linearQuantization('QuantizeLinear'),
  'quantized::adaptive_avg_pool2d': around(rules['aten::adaptive_avg_pool']),
  'quantized::add': around(rules['aten::add'], 2),
  'quantized::avg_pool2d': around(rules['aten::avg_pool']),
  'quantized::batch_norm': around(rules['aten::batch_norm']),
  'quantized::clamp': around(rules['aten::clamp']),
  'quantized::conv': staticConv,
  'quantized::conv_transpose': staticConv,
  'quantized::elu': around(rules['aten::elu']),
  'quantized::gelu': around(rules['aten::gelu']),
  'quantized::gelu_tanh': around(rules['aten::gelu_tanh']),
  'quantized::group_norm': around(rules['aten::group_norm']),
  'quantized::hardsigmoid': around(rules['aten::hardsigmoid']),
  'quantized::hardswish': around(rules['aten::hardswish']),
  'quantized::layer_norm': around(rules['aten::layer_norm']),
  'quantized::leaky_relu': around(rules['aten::leaky_relu']),
  'quantized::linear': staticLinear,
  'quantized::linear_dynamic': linearDynamic,
  'quantized::matmul': around(rules['aten::matmul'], 2),
  'quantized::max_pool2d': around(rules['aten::max_pool']),
  'quantized::mean': mean,
  'quantized::mul': around(rules['aten::mul'], 2),
  'quantized::pad': around(rules['aten::pad']),
  'quantized::relu': around(rules['aten::relu']),
  'quantized::requantize': around((n) => n.input(0)),
  'quantized::sigmoid': around(rules['aten::sigmoid']),
  'quantized::softmax': around(rules['aten::softmax']),
  'quantized::tanh': around(rules['aten::tanh']),
  'quantized::upsample_bilinear2d': around(rules['aten::upsample_bilinear']),
  'quantized::upsample_nearest2d': around(rules['aten::upsample_nearest']),
};
