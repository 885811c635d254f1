import {
  type Attrs,
  type DType,
  DYNAMIC_SCHEMES,
  LinearPackedParams,
  type Operand,
  QuantizedTensor,
  Tensor,
} from '@octavo/core';
import type { RuleContext } from '../../import/rule.js';
import { transposedWeight } from '../../ir/transposed-weight.js';
import type { Value } from '../../ir/value.js';

// LSTM, GRU and RNN with constant weights and the activations that modules have, as the layers that traced modules have, one a direction:
// they run on native kernels, and quantize. What ONNX's definition has besides (peepholes, clip, other activations) stays
// `octavo::lstm` and its kin.

/** Where PyTorch's gates are among ONNX's: i, f, g, o of i, o, f, c; r, z, n of z, r, h. */
const GATES = { LSTM: [0, 2, 3, 1], GRU: [1, 0, 2], RNN: [0] } as const;

export type LayerKind = keyof typeof GATES;

/** What the two forms of weights share. */
interface Layers {
  /** The op of each direction. */
  readonly ops: readonly string[];
  readonly reverse: boolean;
  /** Operands of direction `d` between x and the lengths. */
  weights(d: number, suffix: string): readonly (Value | null)[];
  readonly attrs: Attrs;
}

/** x [length, batch, in], lengths int32 [batch] and the initial states [directions, batch, hidden], with the length first. */
export interface LayerInputs {
  readonly x: Value;
  readonly lengths: Value | null;
  readonly states: readonly (Value | null)[];
}

/** Layers over float weights, one of `ops` a direction; undefined where a weight is computed, or does not fit the others. */
export function floatLayers(
  n: RuleContext,
  kind: LayerKind,
  { ops, reverse }: { readonly ops: readonly string[]; readonly reverse: boolean },
  inputs: LayerInputs,
): readonly Value[] | undefined {
  const gates = GATES[kind];
  const [w, r] = [n.builder.evaluated(n.input(1)), n.builder.evaluated(n.input(2))];
  const bias = n.optional(3);
  const b = bias && n.builder.evaluated(bias);
  const rows = gates.length * n.attr('hidden_size');
  const directions = ops.length;
  if (!isStack(w, directions, rows) || !isStack(r, directions, rows) || b === undefined) return undefined;
  if (b !== null && b.raw.dims.join() !== [directions, 2 * rows].join()) return undefined;
  const weight = (tensor: Tensor, d: number): Tensor => inOrder(slab(tensor, d), gates);
  const biasOf = (d: number, part: number): Tensor | null =>
    b &&
    inOrder(new Tensor('float32', slab(b, d).raw.data.slice(part * rows, (part + 1) * rows) as never, [rows]), gates);
  const weights = (d: number, suffix: string): (Value | null)[] => {
    const tensors = { weight_ih: weight(w, d), weight_hh: weight(r, d), bias_ih: biasOf(d, 0), bias_hh: biasOf(d, 1) };
    const values = Object.entries(tensors).map(
      ([name, tensor]) => tensor && parameter(n, `${name}_l0${suffix}`, tensor),
    );
    return kind === 'LSTM' ? [...values, null] : values;
  };
  return stacked(n, { ops, reverse, weights, attrs: {} }, inputs);
}

/**
 * Layers of ONNX Runtime's DynamicQuantizeLSTM, whose weights lie transposed: codes [directions, in, 4 * hidden] with scales
 * and zero points of a direction, or of each column. Undefined where one of them is computed.
 */
export function dynamicLayers(n: RuleContext, reverse: boolean, inputs: LayerInputs): readonly Value[] | undefined {
  const rows = 4 * n.attr('hidden_size');
  const at = [1, 2, 3, 8, 9, 10, 11].map((i) => n.optional(i));
  const tensors = at.map((value) => value && n.builder.evaluated(value));
  if (tensors.includes(undefined)) return undefined;
  const [w, r, b, ...qparams] = tensors as [Tensor, Tensor, Tensor | null, ...(Tensor | null)[]];
  const directions = w.raw.dims[0] ?? 0;
  const fits = [w, r].every(
    ({ type, raw }) =>
      (type === 'int8' || type === 'uint8') &&
      raw.dims.length === 3 &&
      raw.dims[0] === directions &&
      raw.dims[2] === rows,
  );
  const isEach = (tensor: Tensor | null): boolean =>
    [directions, directions * rows].includes(tensor?.raw.data.length ?? 0);
  if (!fits || !qparams.every(isEach) || (b && b.raw.data.length !== directions * 2 * rows)) return undefined;
  const weights = (d: number, suffix: string): Value[] =>
    [w, r].map((codes, i) => {
      const [scale, zero] = qparams.slice(2 * i, 2 * i + 2) as [Tensor, Tensor];
      const bias = b && (b.raw.data as Float32Array).slice((2 * d + i) * rows, (2 * d + i + 1) * rows);
      const packed = new LinearPackedParams(
        gatesInOrder(transposedWeight(slab(codes, d), part(scale, directions, d), part(zero, directions, d))),
        bias && inOrder(new Tensor('float32', bias, [rows]), GATES.LSTM),
      );
      return parameter(n, `_packed_params_${i === 0 ? 'ih' : 'hh'}_l0${suffix}`, packed);
    });
  const attrs = { scheme: DYNAMIC_SCHEMES.onnx, reduceRange: 0 };
  return stacked(
    n,
    { ops: Array.from({ length: directions }, () => 'quantized::lstm_layer_dynamic'), reverse, weights, attrs },
    inputs,
  );
}

/** y [length, directions, batch, hidden] and the last states [directions, batch, hidden] of a layer a direction. */
function stacked(n: RuleContext, { ops, reverse, weights, attrs }: Layers, { x, lengths, states }: LayerInputs) {
  const layers = ops.map((op, d) => {
    const initial = states.map((state) => state && n.op('aten::select', [state], { dim: 0, index: d }));
    const backwards = reverse || d === 1;
    const operands = [x, ...weights(d, backwards ? '_reverse' : ''), lengths, ...initial];
    return n.builder.ops(op, operands, { ...attrs, reverse: backwards ? 1 : 0 });
  });
  return (layers[0] as readonly Value[]).map((_, output) => {
    const dim = output === 0 ? 1 : 0;
    const parts = layers.map((values) => n.op('aten::unsqueeze', [values[output] as Value], { dim }));
    return parts.length === 1 ? (parts[0] as Value) : n.op('aten::cat', parts, { dim });
  });
}

/** Scale or zero point of one direction: a number, or one for each column. */
function part({ type, raw }: Tensor, directions: number, d: number): Tensor {
  const size = raw.data.length / directions;
  return new Tensor(type, raw.data.slice(d * size, (d + 1) * size) as never, [size]);
}

/** An LSTM's weight [4 * hidden, in] with its gates in PyTorch's order. */
function gatesInOrder({ values, scales, zeroPoints, axis }: QuantizedTensor): QuantizedTensor {
  return new QuantizedTensor('qint8', inOrder(values, GATES.LSTM), {
    scales: axis === null ? scales : moved(scales, GATES.LSTM),
    zeroPoints: axis === null ? zeroPoints : moved(zeroPoints, GATES.LSTM),
    axis,
  });
}

function isStack(tensor: Tensor | undefined, directions: number, rows: number): tensor is Tensor {
  const dims = tensor?.raw.dims;
  return tensor?.type === 'float32' && dims?.length === 3 && dims[0] === directions && dims[1] === rows;
}

function parameter(n: RuleContext, name: string, operand: Operand): Value {
  const { scope } = n.builder;
  return n.builder.parameter(scope === '' ? name : `${scope}.${name}`, operand);
}

/** One direction of a tensor. */
function slab({ type, raw }: Tensor, d: number): Tensor {
  const [, ...dims] = raw.dims;
  const size = dims.reduce((a, b) => a * b, 1);
  return new Tensor(type, raw.data.slice(d * size, (d + 1) * size) as never, dims);
}

/** Blocks of rows in another order. */
function inOrder<T extends DType>({ type, raw }: Tensor<T>, gates: readonly number[]): Tensor<T> {
  return new Tensor(type, moved(raw.data as Float32Array, gates) as never, raw.dims);
}

function moved<T extends Float32Array | Int8Array | Int32Array>(from: T, gates: readonly number[]): T {
  const to = from.slice() as T;
  const block = from.length / gates.length;
  gates.forEach((gate, i) => void to.set(from.subarray(gate * block, (gate + 1) * block), i * block));
  return to;
}
