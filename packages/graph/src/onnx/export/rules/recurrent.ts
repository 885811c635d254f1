import { dequantize, LinearPackedParams, RECURRENT_ACTIVATIONS, Tensor } from '@octavo/core';
import { leafTensor } from '../../../ir/leaf-nodes.js';
import type { Value } from '../../../ir/value.js';
import { codesOf, quantizeBehind } from '../../../passes/pack-weight.js';
import { ACTIVATION_PARAMETERS, type ActivationName } from '../../rules/recurrent-activations.js';
import type { OnnxAttribute } from '../model-writer.js';
import type { ExportContext, ExportRule } from '../rule.js';
import { turned } from './nn.js';

const NAMES = Object.keys(RECURRENT_ACTIVATIONS) as ActivationName[];

/** ONNX's recurrent operators, whose operands ours have in ONNX's order. */
const recurrent =
  (type: string, outputs: number, more: Readonly<Record<string, string>> = {}): ExportRule =>
  (n) => {
    const clip = n.number('clip');
    const direction = n.dims(1)?.[0] === 2 ? 'bidirectional' : n.number('reverse') === 1 ? 'reverse' : 'forward';
    const attrs: Record<string, OnnxAttribute> = {
      hidden_size: n.number('hidden'),
      direction: { text: direction },
      activations: {
        texts: n
          .list('activations')
          .map((code) => NAMES.find((name) => RECURRENT_ACTIVATIONS[name] === code) as string),
      },
      ...(clip > 0 && { clip: { float: clip } }),
      ...parameters(n, 'alpha'),
      ...parameters(n, 'beta'),
      ...(n.number('inputForget') === 1 && { input_forget: 1 }),
    };
    for (const [name, own] of Object.entries(more)) attrs[name] = n.number(own);
    const inputs = n.node.inputs.map((input, i) => (input === null ? '' : n.input(i)));
    while (inputs.at(-1) === '') inputs.pop();
    return n.writer.ops(type, inputs, outputs, attrs);
  };

/** The numbers of those activations that have some: ONNX's list leaves the others out. */
function parameters(n: ExportContext, which: 'alpha' | 'beta'): Record<string, OnnxAttribute> {
  const values = (n.node.attrs[which] ?? []) as readonly number[];
  const floats = n.list('activations').flatMap((code, i) => {
    const name = NAMES.find((each) => RECURRENT_ACTIVATIONS[each] === code) as ActivationName;
    return ACTIVATION_PARAMETERS[name]?.[which] === undefined ? [] : [values[i] ?? 0];
  });
  return floats.length === 0 ? {} : { [`activation_${which}`]: { floats } };
}

/** Blocks of rows in another order. */
function inOrder<T extends Float32Array | Int8Array | Int32Array>(from: T, order: readonly number[]): T {
  const to = from.slice() as T;
  const block = from.length / order.length;
  order.forEach((gate, i) => void to.set(from.subarray(gate * block, (gate + 1) * block), i * block));
  return to;
}

/** Where ONNX's gates are among PyTorch's: i, o, f, c of i, f, g, o; z, r, h of r, z, n. */
const ORDERS = { LSTM: [0, 3, 1, 2], GRU: [1, 0, 2], RNN: [0] } as const;
type Kind = keyof typeof ORDERS;

/** What a layer's node takes: names of w and r [1, gates * hidden, in] and of the bias [1, 2 * gates * hidden]. */
interface LayerInputs {
  readonly hidden: number;
  readonly weights: readonly [w: string, r: string];
  readonly bias: string;
  /** Where the operands of the op that follow its weights begin: lengths and states. */
  readonly rest: number;
  /** Inputs behind the states. */
  readonly more?: readonly string[];
}

/** One direction of a layer as one of ONNX's operators, whose outputs have a dim for the direction. */
function writeLayer(
  n: ExportContext,
  type: string,
  kind: Kind,
  { hidden, weights, bias, rest, more = [] }: LayerInputs,
  attrs: Readonly<Record<string, OnnxAttribute>>,
): string[] {
  const states = kind === 'LSTM' ? [rest + 1, rest + 2] : [rest + 1];
  const axis = (at: number): string =>
    n.writer.initializer('axis', new Tensor('int64', BigInt64Array.of(BigInt(at)), [1]));
  const inputs = [
    ...[n.input(0), ...weights, bias],
    n.has(rest) ? n.input(rest) : '',
    ...states.map((at) => (n.has(at) ? n.writer.op('Unsqueeze', [n.input(at), axis(0)]) : '')),
    ...more,
  ];
  while (inputs.at(-1) === '') inputs.pop();
  const direction = { text: n.number('reverse') === 1 ? 'reverse' : 'forward' };
  const outputs = n.writer.ops(type, inputs, states.length + 1, { hidden_size: hidden, direction, ...attrs });
  return outputs.map((output, i) => n.writer.op('Squeeze', [output, axis(i === 0 ? 1 : 0)]));
}

/** Both biases side by side; zeros for those that a layer lacks. */
function writeBias(n: ExportContext, kind: Kind, rows: number, biases: readonly (Float32Array | null)[]): string {
  const values = biases.flatMap((bias) => [...inOrder(bias ?? new Float32Array(rows), ORDERS[kind])]);
  return n.writer.initializer('bias', new Tensor('float32', Float32Array.from(values), [1, 2 * rows]));
}

/** The floats of a weight that a debug graph quantizes and dequantizes. */
function roundedWeight(value: Value): Tensor | undefined {
  const quantize = quantizeBehind(value);
  const isConstant = quantize?.inputs.every((input) => input && leafTensor(input) !== undefined);
  return quantize && isConstant ? dequantize(codesOf(quantize)) : undefined;
}

/** A layer of float weights. */
const layer =
  (kind: Kind, attrs: Readonly<Record<string, OnnxAttribute>> = {}): ExportRule =>
  (n) => {
    if (kind === 'LSTM' && n.has(5)) throw n.unsupported('ONNX has no LSTM with projections');
    const leaf = (index: number): Float32Array | null => {
      if (!n.has(index)) return null;
      const tensor = n.tensor(index)?.tensor ?? roundedWeight(n.node.input(index));
      if (tensor === undefined) throw n.unsupported(`operand ${index} is computed at run time`);
      return tensor.raw.data as Float32Array;
    };
    const weights = [1, 2].map((index) => {
      const values = inOrder(leaf(index) as Float32Array, ORDERS[kind]);
      const dims = [1, ...(n.dims(index) as readonly number[])];
      return n.writer.initializer(n.nameOf(n.node.input(index)), new Tensor('float32', values, dims));
    }) as [string, string];
    const rows = (n.dims(1) as readonly number[])[0] as number;
    const bias = writeBias(n, kind, rows, [leaf(3), leaf(4)]);
    const inputs = { hidden: rows / ORDERS[kind].length, weights, bias, rest: kind === 'LSTM' ? 6 : 5 };
    return writeLayer(n, kind, kind, inputs, attrs);
  };

/** An int8 weight [gates * hidden, in] with its gates in ONNX's order. */
interface Packed {
  readonly name: string;
  readonly rows: number;
  readonly codes: Tensor<'int8'>;
  readonly scales: Float32Array;
  readonly zeroPoints: Int8Array;
  readonly bias: Float32Array | null;
}

/** Both weights of a layer. */
function packedWeights(n: ExportContext, kind: Kind): Packed[] {
  return [1, 2].map((index) => {
    const { name, operand } = n.leaf(index);
    if (!LinearPackedParams.is(operand)) throw n.unsupported('its weights are no packed weights');
    const { values, scales, zeroPoints, axis } = operand.weight;
    const order = ORDERS[kind];
    const [rows] = values.raw.dims as [number, number];
    const codes = new Tensor('int8', inOrder(values.raw.data as Int8Array, order), values.raw.dims);
    const each = <T extends Float32Array | Int32Array>(list: T): T => (axis === null ? list : inOrder(list, order));
    const qparams = { scales: each(scales), zeroPoints: Int8Array.from(each(zeroPoints)) };
    return { name, rows, codes, ...qparams, bias: operand.bias?.raw.data ?? null };
  });
}

/**
 * ONNX Runtime's DynamicQuantizeLSTM, the only operator of its kind: int8 weights [1, in, 4 * hidden], and a range of 8 bits
 * for all of x and for h at each step. A layer of another scheme keeps its weights and takes these ranges.
 */
const dynamicLstm: ExportRule = (n) => {
  const packed = packedWeights(n, 'LSTM');
  const { rows } = packed[0] as Packed;
  const qparams = packed.flatMap(({ name, scales, zeroPoints }) => {
    const dims = scales.length === 1 ? [1] : [1, scales.length];
    if (scales.length > 1 && zeroPoints.some((zero) => zero !== 0))
      throw n.unsupported('DynamicQuantizeLSTM has no zero points for channels');
    return [
      n.writer.initializer(`${name}.scale`, new Tensor('float32', scales, dims)),
      n.writer.initializer(`${name}.zero_point`, new Tensor('int8', zeroPoints, dims)),
    ];
  });
  const weights = packed.map(({ name, codes }) => {
    const { raw } = turned(codes);
    return n.writer.initializer(`${name}.weight.T`, new Tensor('int8', raw.data as Int8Array, [1, ...raw.dims]));
  }) as [string, string];
  const bias = writeBias(
    n,
    'LSTM',
    rows,
    packed.map((each) => each.bias),
  );
  const inputs = { hidden: rows / 4, weights, bias, rest: 3, more: ['', ...qparams] };
  return writeLayer(n, 'com.microsoft::DynamicQuantizeLSTM', 'LSTM', inputs, {});
};

/** Layers that no operator computes in int8: the operator over floats, with weights that stay codes in the file. */
const dequantizedLayer =
  (kind: Kind, attrs: Readonly<Record<string, OnnxAttribute>> = {}): ExportRule =>
  (n) => {
    const packed = packedWeights(n, kind);
    const { rows } = packed[0] as Packed;
    const weights = packed.map(({ name, codes, scales, zeroPoints }) => {
      const dims = scales.length === 1 ? [] : [scales.length];
      const values = [
        n.writer.initializer(`${name}.weight`, new Tensor('int8', codes.raw.data as Int8Array, [1, ...codes.raw.dims])),
        n.writer.initializer(`${name}.scale`, new Tensor('float32', scales, dims)),
        n.writer.initializer(`${name}.zero_point`, new Tensor('int8', zeroPoints, dims)),
      ];
      return n.writer.op('DequantizeLinear', values, scales.length === 1 ? {} : { axis: 1 });
    }) as [string, string];
    const bias = writeBias(
      n,
      kind,
      rows,
      packed.map((each) => each.bias),
    );
    return writeLayer(n, kind, kind, { hidden: rows / ORDERS[kind].length, weights, bias, rest: 3 }, attrs);
  };

const RESET_AFTER = { linear_before_reset: 1 };
const RELU = { activations: { texts: ['Relu'] } };

export const RECURRENT_RULES: Readonly<Record<string, ExportRule>> = {
  'aten::gru_layer': layer('GRU', RESET_AFTER),
  'aten::lstm_layer': layer('LSTM'),
  'aten::rnn_relu_layer': layer('RNN', RELU),
  'aten::rnn_tanh_layer': layer('RNN'),
  'octavo::gru': recurrent('GRU', 2, { linear_before_reset: 'linearBeforeReset' }),
  'octavo::lstm': recurrent('LSTM', 3),
  'octavo::lstm_dynamic': recurrent('com.microsoft::DynamicQuantizeLSTM', 3),
  'octavo::rnn': recurrent('RNN', 2),
  'quantized::gru_layer_dynamic': dequantizedLayer('GRU', RESET_AFTER),
  'quantized::lstm_layer_dynamic': dynamicLstm,
  'quantized::rnn_relu_layer_dynamic': dequantizedLayer('RNN', RELU),
  'quantized::rnn_tanh_layer_dynamic': dequantizedLayer('RNN'),
};
