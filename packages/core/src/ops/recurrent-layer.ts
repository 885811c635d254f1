import { OctavoError } from '../errors.js';
import type { LinearPackedParams } from '../tensor/linear-packed-params.js';
import { type Dims, sizeOf } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { attrNumber, dimsOf, floats, packedMeta, shapeError, tensorMeta } from './check.js';
import { linear } from './linear.js';
import { DYNAMIC_SCHEMES, linearDynamic } from './linear-dynamic.js';
import type { Attrs, OpDef, Operand, OperandMeta, TensorMeta } from './op-def.js';
import { gruCell, lstmCell, type RecurrentCell, rnnReluCell, rnnTanhCell } from './recurrent-cells.js';

// One direction of one layer of an LSTM, a GRU or a plain RNN over a sequence x [time, batch, in] -> y [time, batch, width] and the
// last states [batch, width] (h) and [batch, hidden] (c). The weights stack gates as PyTorch's do: i, f, g, o, or r, z, n.
//
// The product of the input is one linear over the whole sequence, that of h one a step (PyTorch,
// aten/src/ATen/native/RNN.cpp); the dynamic forms quantize their inputs so: per tensor, x has one range and h one a step.
// `reverse` runs from the last time step to the first. `lengths` int32 [batch] are the steps that each sequence has, as in
// PyTorch's packed sequences: at step t only rows with t < length take part, also in ranges; the others keep their states,
// and their outputs are 0. States that are left out are zeros.
//
// By ONNX Runtime's scheme (`DYNAMIC_SCHEMES.onnx`, its DynamicQuantizeLSTM) the range of x counts the rows behind a
// sequence's end too, up to the longest one's, that of h the sequences which ended with the step before, and `reverse`
// begins each sequence at its own end: step s of all of them is one step, where PyTorch's packed sequences join as the
// time goes back to their ends.

const STATES: Readonly<Record<string, string>> = { h: 'h0?', c: 'c0?' };

type Operands = readonly (Operand | null | undefined)[];
type Metas = readonly (OperandMeta | null | undefined)[];

/** A linear over rows [n, in]: what it gives, [n, gates * hidden]. */
type Product = (rows: Tensor) => Float32Array;

interface Products {
  readonly ih: Product;
  readonly hh: Product;
  /** h [n, hidden] -> [n, width], after each step, where h is projected. */
  readonly project: Product | null;
}

/** [rows, columns] of both weights, and the width of h where it is projected. */
interface WeightSizes {
  readonly ih: Dims;
  readonly hh: Dims;
  readonly projected: number | null;
}

/** What differs between float and int8 weights. */
interface Weights {
  readonly inputs: readonly string[];
  readonly attrs: OpDef['attrs'];
  sizes(op: string, metas: Metas): WeightSizes;
  products(operands: Operands, attrs: Attrs): Products;
}

const WEIGHT_IH = 1;
const WEIGHT_HH = 2;

const float: Weights = {
  inputs: ['weightIh', 'weightHh', 'biasIh?', 'biasHh?'],
  attrs: {},
  sizes(op, metas) {
    const [ih, hh] = [WEIGHT_IH, WEIGHT_HH].map((at) =>
      tensorMeta(op, this.inputs[at - 1] as string, metas[at], 'float32'),
    );
    for (const at of [3, 4]) {
      if (!metas[at]) continue;
      const { dims } = tensorMeta(op, this.inputs[at - 1] as string, metas[at], 'float32');
      const rows = (ih as TensorMeta).dims[0] as number;
      if (dims.length !== 1 || dims[0] !== rows) throw shapeError(op, `a bias [${rows}]`, dims);
    }
    return { ih: (ih as TensorMeta).dims, hh: (hh as TensorMeta).dims, projected: null };
  },
  products(operands) {
    const product =
      (weight: number, bias: number | null): Product =>
      (rows) =>
        floats(
          linear.reference([rows, operands[weight] as Tensor, bias === null ? null : (operands[bias] ?? null)], {})[0],
        );
    return { ih: product(WEIGHT_IH, 3), hh: product(WEIGHT_HH, 4), project: null };
  },
};

/** Float weights, and perhaps one more, [width, hidden], that h is projected by (Sak et al. 2014). */
const projected: Weights = {
  ...float,
  inputs: [...float.inputs, 'weightHr?'],
  sizes(op, metas) {
    const sizes = float.sizes(op, metas);
    if (!metas[5]) return sizes;
    const { dims } = tensorMeta(op, 'weightHr', metas[5], 'float32');
    if (dims.length !== 2 || 4 * (dims[1] as number) !== sizes.ih[0]) {
      throw shapeError(op, 'weightHr [width, hidden]', dims);
    }
    return { ...sizes, projected: dims[0] as number };
  },
  products(operands, attrs) {
    const project: Product = (rows) => floats(linear.reference([rows, operands[5] as Tensor, null], {})[0]);
    return { ...float.products(operands, attrs), project: operands[5] ? project : null };
  },
};

const dynamic: Weights = {
  inputs: ['ih', 'hh'],
  attrs: { scheme: 'int', reduceRange: 'int' },
  sizes(op, metas) {
    const [ih, hh] = [packedMeta(op, 'ih', metas[WEIGHT_IH]), packedMeta(op, 'hh', metas[WEIGHT_HH])];
    return { ih: ih.weight.dims, hh: hh.weight.dims, projected: null };
  },
  products(operands, { scheme, reduceRange }) {
    const attrs = { scheme: scheme ?? 0, reduceRange: reduceRange ?? 0 };
    const product =
      (at: number): Product =>
      (rows) =>
        floats(linearDynamic.reference([rows, operands[at] as LinearPackedParams], attrs)[0]);
    return { ih: product(WEIGHT_IH), hh: product(WEIGHT_HH), project: null };
  },
};

function recurrentLayer(name: string, opcode: number, cell: RecurrentCell, weights: Weights): OpDef {
  const lengthsAt = 1 + weights.inputs.length;
  const { gates, states } = cell;
  return {
    name,
    opcode,
    inputs: ['x', ...weights.inputs, 'lengths?', ...states.map((state) => STATES[state] as string)],
    attrs: { reverse: 'int', ...weights.attrs },
    outputs: ['y', ...states],
    infer(metas, attrs) {
      const x = tensorMeta(name, 'x', metas[0], 'float32').dims;
      const sizes = weights.sizes(name, metas);
      const hidden = (sizes.ih[0] ?? 0) / gates;
      const width = sizes.projected ?? hidden;
      if (x.length !== 3 || x[2] !== sizes.ih[1]) throw shapeError(name, `x [time, batch, ${sizes.ih[1]}]`, x);
      if (!Number.isInteger(hidden) || sizes.hh.join() !== [gates * hidden, width].join()) {
        throw shapeError(
          name,
          `weights [${gates} * hidden, in] and [${gates} * hidden, width of h]`,
          sizes.ih,
          sizes.hh,
        );
      }
      if (weights.attrs.scheme !== undefined)
        linearDynamic.infer([{ dtype: 'float32', dims: x }, metas[1] ?? null], attrs);
      const [time, batch] = x as [number, number, number];
      checkDims(name, 'lengths', metas[lengthsAt], 'int32', [batch]);
      const stateDims = states.map((_, i) => [batch, i === 0 ? width : hidden]);
      stateDims.forEach((dims, i) => void checkDims(name, `${states[i]}0`, metas[lengthsAt + 1 + i], 'float32', dims));
      return [[time, batch, width], ...stateDims].map((dims): TensorMeta => ({ dtype: 'float32', dims }));
    },
    reference(operands, attrs) {
      const metas = this.infer(
        operands.map((each) => (Tensor.is(each) ? { dtype: each.type, dims: each.raw.dims } : each)),
        attrs,
      );
      const [y, h, c] = metas.map(({ dims }) => new Float32Array(sizeOf(dims))) as [
        Float32Array,
        Float32Array,
        Float32Array?,
      ];
      [h, c].forEach((state, i) => {
        const given = operands[lengthsAt + 1 + i];
        if (given) state?.set(floats(given));
      });
      const [time, batch, columns] = dimsOf(operands[0]) as [number, number, number];
      const width = (metas[0] as TensorMeta).dims[2] as number;
      const lengths = lengthsOf(name, operands[lengthsAt] as Tensor<'int32'> | null, time);
      const reverse = attrNumber(attrs, 'reverse', 0) === 1;
      const steps = stepsOf(time, batch, lengths, { reverse, aligned: isOnnx(weights, attrs) });
      const { ih, hh, project } = weights.products(operands, attrs);
      const rows = steps.flatMap((step) => step.map(({ item, t }) => t * batch + item));
      const counted = isOnnx(weights, attrs) ? paddingRows(batch, lengths) : [];
      const inputs = ih(gathered(floats(operands[0]), [...rows, ...counted], columns));
      const size = inputs.length / Math.max(rows.length + counted.length, 1);
      const hidden = size / gates;
      let row = 0;
      // Rows whose h the step before has written, or that still have the h to start from.
      let before = Array.from({ length: batch }, (_, item) => item);
      for (const step of steps) {
        const items = step.map(({ item }) => item);
        const ended = isOnnx(weights, attrs) ? before.filter((item) => !items.includes(item)) : [];
        before = items;
        const hiddens = hh(gathered(h, [...items, ...ended], width));
        const next = new Float32Array(items.length * hidden);
        const first = row;
        row += items.length;
        items.forEach((item, i) => {
          cell.step(
            inputs.subarray((first + i) * size, (first + i + 1) * size),
            hiddens.subarray(i * size, (i + 1) * size),
            h.subarray(item * width, (item + 1) * width),
            c?.subarray(item * hidden, (item + 1) * hidden) ?? null,
            next.subarray(i * hidden, (i + 1) * hidden),
          );
        });
        const states = project === null ? next : project(new Tensor('float32', next, [items.length, hidden]));
        step.forEach(({ item, t }, i) => {
          const state = states.subarray(i * width, (i + 1) * width);
          h.set(state, item * width);
          y.set(state, (t * batch + item) * width);
        });
      }
      return metas.map(({ dims }, i) => new Tensor('float32', [y, h, c][i] as Float32Array, dims));
    },
  };
}

function checkDims(
  op: string,
  name: string,
  meta: OperandMeta | null | undefined,
  dtype: 'float32' | 'int32',
  expected: Dims,
): void {
  if (!meta) return;
  const { dims } = tensorMeta(op, name, meta, dtype);
  if (dims.join() !== expected.join()) throw shapeError(op, `${name} [${expected.join(', ')}]`, dims);
}

function isOnnx({ attrs: kinds }: Weights, { scheme }: Attrs): boolean {
  return kinds.scheme !== undefined && scheme === DYNAMIC_SCHEMES.onnx;
}

/** The steps that each sequence has; null where all have `time`. */
function lengthsOf(op: string, lengths: Tensor<'int32'> | null | undefined, time: number): readonly number[] | null {
  if (!lengths) return null;
  const own = Array.from(lengths.raw.data);
  if (own.every((length) => length >= 0 && length <= time)) return own;
  throw new OctavoError('INVALID_DATA', `[${op}] lengths must lie between 0 and ${time}, got ${own.join(', ')}`);
}

/** A sequence of the batch at one of its time steps. */
interface At {
  readonly item: number;
  readonly t: number;
}

/** The rows that each step takes, in the order of the steps. */
function stepsOf(
  time: number,
  batch: number,
  lengths: readonly number[] | null,
  { reverse, aligned }: { readonly reverse: boolean; readonly aligned: boolean },
): At[][] {
  return Array.from({ length: time }, (_, step) => {
    const rows: At[] = [];
    for (let item = 0; item < batch; item++) {
      const length = lengths?.[item] ?? time;
      const t = reverse ? (aligned ? length : time) - 1 - step : step;
      if (t >= 0 && t < length) rows.push({ item, t });
    }
    return rows;
  });
}

/** Rows of x behind the ends of sequences, up to the end of the longest. */
function paddingRows(batch: number, lengths: readonly number[] | null): number[] {
  const longest = Math.max(0, ...(lengths ?? []));
  return (lengths ?? []).flatMap((length, item) =>
    Array.from({ length: longest - length }, (_, i) => (length + i) * batch + item),
  );
}

function gathered(data: Float32Array, rows: readonly number[], columns: number): Tensor {
  const values = new Float32Array(rows.length * columns);
  rows.forEach((row, i) => void values.set(data.subarray(row * columns, (row + 1) * columns), i * columns));
  return new Tensor('float32', values, [rows.length, columns]);
}

export const RECURRENT_LAYER_OPS: readonly OpDef[] = [
  recurrentLayer('aten::lstm_layer', 177, lstmCell, projected),
  recurrentLayer('aten::gru_layer', 178, gruCell, float),
  recurrentLayer('quantized::lstm_layer_dynamic', 179, lstmCell, dynamic),
  recurrentLayer('quantized::gru_layer_dynamic', 180, gruCell, dynamic),
  recurrentLayer('aten::rnn_tanh_layer', 181, rnnTanhCell, float),
  recurrentLayer('aten::rnn_relu_layer', 182, rnnReluCell, float),
  recurrentLayer('quantized::rnn_tanh_layer_dynamic', 183, rnnTanhCell, dynamic),
  recurrentLayer('quantized::rnn_relu_layer_dynamic', 184, rnnReluCell, dynamic),
];
