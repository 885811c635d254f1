import { Tensor } from '@octavo/core';
import { floats } from '../models.js';
import { modelBytes, type NodeInput, tensorProto } from './build-model.js';
import { generator, INT8 } from './qdq-builder.js';

export const [STEPS, BATCH, WIDTH, HIDDEN] = [5, 3, 6, 4];
const GATES = { LSTM: 4, GRU: 3, RNN: 1 } as const;
export type Kind = keyof typeof GATES;

/** A recurrent operator of ONNX with random weights. */
export interface Layer {
  readonly kind: Kind;
  readonly direction: 'forward' | 'reverse' | 'bidirectional';
  readonly lengths?: boolean;
  readonly states?: boolean;
  readonly bias?: boolean;
  readonly peepholes?: boolean;
  readonly layout?: 0 | 1;
  readonly attrs?: NodeInput['attrs'];
}

export function values(count: number, seed: number): number[] {
  const random = generator(seed);
  return Array.from({ length: count }, () => Math.fround(random() - 0.5));
}

/** One layer, its weights constant or given as inputs `w`, `r` and `b`. */
export function layerModel(layer: Layer, constant: boolean): { file: Uint8Array; feeds: Record<string, Tensor> } {
  const {
    kind,
    direction,
    lengths = false,
    states = false,
    bias = true,
    peepholes = false,
    layout = 0,
    attrs = {},
  } = layer;
  const directions = direction === 'bidirectional' ? 2 : 1;
  const rows = GATES[kind] * HIDDEN;
  const weights: Record<string, number[]> = {
    w: [directions, rows, WIDTH],
    r: [directions, rows, HIDDEN],
    ...(bias && { b: [directions, 2 * rows] }),
    ...(peepholes && { p: [directions, 3 * HIDDEN] }),
  };
  const state = layout === 0 ? [directions, BATCH, HIDDEN] : [BATCH, directions, HIDDEN];
  const inputs: Record<string, number[]> = {
    x: layout === 0 ? [STEPS, BATCH, WIDTH] : [BATCH, STEPS, WIDTH],
    ...(states && { h0: state, ...(kind === 'LSTM' && { c0: state }) }),
    ...(constant ? {} : weights),
  };
  const size = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);
  const numbers = (name: string, dims: readonly number[]): number[] => values(size(dims), name.charCodeAt(0));
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, dims]) => [
      name,
      new Tensor('float32', Float32Array.from(numbers(name, dims)), dims),
    ]),
  );
  const outputs = kind === 'LSTM' ? ['y', 'h', 'c'] : ['y', 'h'];
  const operands = [
    'x',
    'w',
    'r',
    bias ? 'b' : '',
    lengths ? 'lengths' : '',
    ...(states ? ['h0'] : kind === 'LSTM' ? [''] : []),
    ...(kind === 'LSTM' ? [states ? 'c0' : '', peepholes ? 'p' : ''] : []),
  ];
  const file = modelBytes({
    inputs: { ...inputs, ...(lengths && { lengths: [BATCH] }) },
    types: { lengths: 6 },
    initializers: constant
      ? Object.entries(weights).map(([name, dims]) => tensorProto(name, dims, numbers(name, dims)))
      : [],
    nodes: [
      {
        op: kind,
        name: '/rnn/Layer',
        in: operands,
        out: outputs,
        attrs: {
          hidden_size: HIDDEN,
          direction,
          ...(layout === 1 && { layout }),
          ...(kind === 'GRU' && { linear_before_reset: 1 }),
          ...attrs,
        },
      },
    ],
    outputs,
  });
  return {
    file,
    feeds: { ...feeds, ...(lengths && { lengths: new Tensor('int32', Int32Array.of(5, 1, 2), [BATCH]) }) },
  };
}

export interface DynamicForm {
  readonly lengths?: boolean;
  readonly peepholes?: boolean;
  readonly states?: boolean;
  readonly attrs?: NodeInput['attrs'];
}

/** com.microsoft DynamicQuantizeLSTM in both directions. */
export function dynamicModel(
  type: number,
  perColumn: boolean,
  { lengths = false, peepholes = false, states = true, attrs = {} }: DynamicForm = {},
): Uint8Array {
  const rows = 4 * HIDDEN;
  const random = generator(11);
  const codes = (name: string, width: number) =>
    tensorProto(
      name,
      [2, width, rows],
      Array.from({ length: 2 * width * rows }, () => Math.floor(random() * 255) - (type === INT8 ? 127 : 0)),
      type,
    );
  const dims = perColumn ? [2, rows] : [2];
  const count = perColumn ? 2 * rows : 2;
  const qparams = (name: string) => [
    tensorProto(
      `${name}s`,
      dims,
      Array.from({ length: count }, () => Math.fround(0.002 + 0.003 * random())),
    ),
    tensorProto(
      `${name}z`,
      dims,
      Array.from({ length: count }, () => (type === INT8 ? 0 : 125 + Math.floor(random() * 6))),
      type,
    ),
  ];
  return modelBytes({
    inputs: {
      x: ['steps', 'batch', WIDTH],
      ...(states && { h0: [2, 'batch', HIDDEN], c0: [2, 'batch', HIDDEN] }),
      ...(lengths && { lengths: ['batch'] }),
    },
    types: { lengths: 6 },
    initializers: [
      codes('w', WIDTH),
      codes('r', HIDDEN),
      tensorProto('b', [2, 2 * rows], values(4 * rows, 5)),
      ...(peepholes ? [tensorProto('p', [2, 3 * HIDDEN], values(6 * HIDDEN, 6))] : []),
      ...qparams('w'),
      ...qparams('r'),
    ],
    nodes: [
      {
        op: 'DynamicQuantizeLSTM',
        domain: 'com.microsoft',
        in: [
          ...['x', 'w', 'r', 'b', lengths ? 'lengths' : ''],
          ...(states ? ['h0', 'c0'] : ['', '']),
          ...[peepholes ? 'p' : '', 'ws', 'wz', 'rs', 'rz'],
        ],
        out: ['y', 'h', 'c'],
        attrs: { hidden_size: HIDDEN, direction: 'bidirectional', ...attrs },
      },
    ],
    outputs: ['y', 'h', 'c'],
  });
}

export const dynamicFeeds = (): Record<string, Tensor> => ({
  x: floats([STEPS, BATCH, WIDTH], 3),
  h0: floats([2, BATCH, HIDDEN], 4),
  c0: floats([2, BATCH, HIDDEN], 5),
});
