import { OctavoError } from '../../errors.js';
import { gemm } from '../../numerics/gemm.js';
import { clamp } from '../../numerics/round.js';
import type { Dims } from '../../tensor/shape.js';
import { Tensor } from '../../tensor/tensor.js';
import { attrList, attrNumber, dimsOf, floats, shapeError, tensorMeta } from '../check.js';
import type { AttrKind, Attrs, OpDef, Operand, OperandMeta, TensorMeta } from '../op-def.js';
import { onnxCode, onnxDynamicQParams } from './linear-quantization.js';
import { type RecurrentActivation, recurrentActivation } from './recurrent-activations.js';

const f = Math.fround;

// Recurrent layers as ONNX has them: LSTM, GRU and RNN over a whole sequence, in one or both directions, and LSTM over
// int8 weights. x [length, batch, in], w [directions, gates * hidden, in], r [directions, gates * hidden, hidden],
// b [directions, 2 * gates * hidden], lengths int32 [batch], h0 and c0 [directions, batch, hidden]; steps beyond a
// sequence's length give 0. Gates are f(f(x w + wb) + f(h r + rb)), products as in `numerics/gemm.ts`.

const ATTRS: Readonly<Record<string, AttrKind>> = {
  hidden: 'int',
  /** 1 runs backwards; with two directions the second one does. */
  reverse: 'int',
  /** Codes of `RECURRENT_ACTIVATIONS`, one for each function of each direction; and their parameters, where they have some. */
  activations: 'ints',
  alpha: 'floats',
  beta: 'floats',
  /** Gates are clamped to [-clip, clip] before their activation; 0 for no limit. */
  clip: 'float',
};

/** `inputForget`: the forget gate is 1 - the input gate. */
const LSTM_ATTRS: OpDef['attrs'] = { ...ATTRS, inputForget: 'int' };

/** Products of rows with a direction's weights: [rows, gates * hidden], without a bias. */
type Project = (data: Float32Array, from: number, rows: number) => Float32Array;

interface Direction {
  readonly input: Project;
  readonly hidden: Project;
  /** Biases of the two products; null for none. */
  readonly bias: Float32Array | null;
  readonly peepholes: Float32Array | null;
  readonly activations: readonly RecurrentActivation[];
  readonly reverse: boolean;
  readonly clip: number;
  /** LSTM: f = 1 - i. */
  readonly inputForget: boolean;
}

interface Sizes {
  readonly length: number;
  readonly batch: number;
  readonly width: number;
  readonly hidden: number;
  readonly directions: number;
}

/** One step of one sequence: gates from the products, into the state at `at` of h (and c). */
type Cell = (
  gates: { x: Float32Array; h: Float32Array; row: number },
  state: { h: Float32Array; c: Float32Array; at: number },
  direction: Direction,
  hidden: number,
) => void;

function bounded(value: number, clip: number): number {
  return clip > 0 ? clamp(value, -clip, clip) : value;
}

/** Gate `gate` of unit `unit`: both products with their biases. */
function gateOf(
  { x, h, row }: Parameters<Cell>[0],
  { bias }: Direction,
  gates: number,
  gate: number,
  unit: number,
  hidden: number,
): number {
  const at = gate * hidden + unit;
  const from = row * gates * hidden + at;
  if (bias === null) return f((x[from] as number) + (h[from] as number));
  const wb = f((x[from] as number) + (bias[at] as number));
  return f(wb + f((h[from] as number) + (bias[gates * hidden + at] as number)));
}

/** Gates i, o, f, c; i = g(..), f = g(..) or 1 - i, c' = f c + i g(c), o = g(..), h' = o h(c'). */
const lstmCell: Cell = (gates, { h, c, at }, direction, hidden) => {
  const { activations, peepholes, clip, inputForget } = direction;
  const [gate, candidate, output] = activations as [RecurrentActivation, RecurrentActivation, RecurrentActivation];
  for (let unit = 0; unit < hidden; unit++) {
    const before = c[at + unit] as number;
    const value = (index: number, cell: number, peephole: number): number => {
      const sum = gateOf(gates, direction, 4, index, unit, hidden);
      const seen =
        peepholes === null || peephole < 0 ? sum : f(sum + f((peepholes[peephole * hidden + unit] as number) * cell));
      return bounded(seen, clip);
    };
    const i = gate(value(0, before, 0));
    const forget = inputForget ? f(1 - i) : gate(value(2, before, 2));
    const now = f(f(forget * before) + f(i * candidate(value(3, before, -1))));
    const o = gate(value(1, now, 1));
    c[at + unit] = now;
    h[at + unit] = f(o * output(now));
  }
};

/** Gates z, r, h; h' = (1 - z) n + z h. The reset gate multiplies h before its product, or after it. */
function gruCell(linearBeforeReset: boolean): Cell {
  return (gates, { h, at }, direction, hidden) => {
    const { activations, bias, clip } = direction;
    const [gate, candidate] = activations as [RecurrentActivation, RecurrentActivation];
    const z = new Float32Array(hidden);
    const reset = new Float32Array(hidden);
    for (let unit = 0; unit < hidden; unit++) {
      z[unit] = gate(bounded(gateOf(gates, direction, 3, 0, unit, hidden), clip));
      reset[unit] = gate(bounded(gateOf(gates, direction, 3, 1, unit, hidden), clip));
    }
    const from = gates.row * 3 * hidden + 2 * hidden;
    let product = gates.h.subarray(from, from + hidden);
    if (!linearBeforeReset) {
      const gated = reset.map((r, unit) => f(r * (h[at + unit] as number)));
      product = direction.hidden(gated, 0, 1).subarray(2 * hidden);
    }
    for (let unit = 0; unit < hidden; unit++) {
      const wb = bias === null ? 0 : (bias[2 * hidden + unit] as number);
      const rb = bias === null ? 0 : (bias[5 * hidden + unit] as number);
      const inner = f((product[unit] as number) + rb);
      const recurrent = linearBeforeReset ? f((reset[unit] as number) * inner) : inner;
      const n = candidate(bounded(f(f((gates.x[from + unit] as number) + wb) + recurrent), clip));
      const keep = z[unit] as number;
      h[at + unit] = f(f(f(1 - keep) * n) + f(keep * (h[at + unit] as number)));
    }
  };
}

const rnnCell: Cell = (gates, { h, at }, direction, hidden) => {
  for (let unit = 0; unit < hidden; unit++) {
    const sum = bounded(gateOf(gates, direction, 1, 0, unit, hidden), direction.clip);
    h[at + unit] = (direction.activations[0] as RecurrentActivation)(sum);
  }
};

/** All steps of all directions -> y [length, directions, batch, hidden], h and c [directions, batch, hidden]. */
function runLayer(
  x: Float32Array,
  { length, batch, hidden, directions: count }: Sizes,
  directions: readonly Direction[],
  lengths: Int32Array | null,
  initial: { h: Float32Array | null; c: Float32Array | null },
  cell: Cell,
): { y: Float32Array; h: Float32Array; c: Float32Array } {
  const y = new Float32Array(length * count * batch * hidden);
  const h = initial.h?.slice() ?? new Float32Array(count * batch * hidden);
  const c = initial.c?.slice() ?? new Float32Array(count * batch * hidden);
  const longest = lengths === null ? length : Math.max(0, ...lengths);
  directions.forEach((direction, d) => {
    const all = direction.input(x, 0, longest * batch);
    // Rows whose sequence has ended are zeros: they count in ranges, as ONNX Runtime's do.
    const before = h.slice(d * batch * hidden, (d + 1) * batch * hidden);
    for (let step = 0; step < longest; step++) {
      const products = direction.hidden(before, 0, batch);
      before.fill(0);
      for (let item = 0; item < batch; item++) {
        const own = lengths === null ? length : (lengths[item] as number);
        if (step >= own) continue;
        const t = direction.reverse ? own - 1 - step : step;
        const at = (d * batch + item) * hidden;
        const width = all.length / Math.max(longest * batch, 1);
        const row = t * batch + item;
        const gates = {
          x: all.subarray(row * width, (row + 1) * width),
          h: products.subarray(item * width, (item + 1) * width),
          row: 0,
        };
        cell(gates, { h, c, at }, direction, hidden);
        before.set(h.subarray(at, at + hidden), item * hidden);
        y.set(h.subarray(at, at + hidden), ((t * count + d) * batch + item) * hidden);
      }
    }
  });
  return { y, h, c };
}

function sizesOf(op: string, x: Dims, w: Dims, attrs: Attrs): Sizes {
  const hidden = attrNumber(attrs, 'hidden', 0);
  const [length, batch, width] = x as [number, number, number];
  if (x.length !== 3 || w.length !== 3 || hidden < 1) {
    throw shapeError(op, 'x [length, batch, in] and weights [directions, gates * hidden, in]', x, w);
  }
  return { length, batch, width, hidden, directions: w[0] as number };
}

function directionsOf(
  { directions, hidden }: Sizes,
  attrs: Attrs,
  gates: number,
  project: (direction: number) => Pick<Direction, 'input' | 'hidden'>,
  biases: Operand | null | undefined,
  peepholes: Operand | null | undefined,
): Direction[] {
  const [alphas, betas] = [attrs.alpha ?? [], attrs.beta ?? []] as [readonly number[], readonly number[]];
  const activations = attrList(attrs, 'activations').map(
    (code, i) => recurrentActivation(code, alphas[i], betas[i]) as RecurrentActivation,
  );
  const each = activations.length / directions;
  const part = (operand: Operand | null | undefined, d: number, size: number): Float32Array | null =>
    operand ? floats(operand).subarray(d * size, (d + 1) * size) : null;
  return Array.from({ length: directions }, (_, d) => ({
    ...project(d),
    bias: part(biases, d, 2 * gates * hidden),
    peepholes: part(peepholes, d, 3 * hidden),
    activations: activations.slice(d * each, (d + 1) * each),
    reverse: d === 1 || attrNumber(attrs, 'reverse', 0) === 1,
    clip: f(attrNumber(attrs, 'clip', 0)),
    inputForget: attrs.inputForget === 1,
  }));
}

/** Products with float weights [directions, n, k]. */
function floatProject(operand: Operand | null | undefined, direction: number): Project {
  const [, n, k] = dimsOf(operand) as [number, number, number];
  const weight = floats(operand);
  return (data, from, rows) => {
    const y = new Float32Array(rows * n);
    gemm(
      { m: rows, n, k },
      { data, offset: from, row: k, column: 1 },
      { data: weight, offset: direction * n * k, row: 1, column: k },
      { data: y, offset: 0, row: n },
    );
    return y;
  };
}

function outputs({ length, batch, hidden, directions }: Sizes, count: number): TensorMeta[] {
  const state: TensorMeta = { dtype: 'float32', dims: [directions, batch, hidden] };
  return [{ dtype: 'float32', dims: [length, directions, batch, hidden] }, state, state].slice(
    0,
    count,
  ) as TensorMeta[];
}

function checkStates(
  op: string,
  { batch, hidden, directions }: Sizes,
  lengths: OperandMeta | null | undefined,
  states: readonly (OperandMeta | null | undefined)[],
): void {
  if (lengths) {
    const { dims } = tensorMeta(op, 'lengths', lengths, 'int32');
    if (dims.join() !== String(batch)) throw shapeError(op, `lengths [${batch}]`, dims);
  }
  for (const state of states) {
    if (!state) continue;
    const { dims } = tensorMeta(op, 'initial state', state, 'float32');
    if (dims.join() !== [directions, batch, hidden].join()) {
      throw shapeError(op, `an initial state [${directions}, ${batch}, ${hidden}]`, dims);
    }
  }
}

/** How many activations a direction has, by its gates. */
const FUNCTIONS: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 3 };

/** One known activation for each function of each direction. */
function checkActivations(op: string, { directions }: Sizes, attrs: Attrs, functions: number): void {
  const codes = attrList(attrs, 'activations');
  if (codes.length === directions * functions && codes.every((code) => recurrentActivation(code) !== undefined)) return;
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `[${op}] expected the codes of ${directions * functions} activations, got [${codes.join(', ')}]`,
  );
}

/** What both products add, and what the gates of an LSTM see of its cells. */
function checkVectors(
  op: string,
  { directions, hidden }: Sizes,
  gates: number,
  [bias, peepholes]: readonly (OperandMeta | null | undefined)[],
): void {
  for (const [name, meta, width] of [
    ['b', bias, 2 * gates * hidden],
    ['p', peepholes, 3 * hidden],
  ] as const) {
    if (!meta) continue;
    const { dims } = tensorMeta(op, name, meta, 'float32');
    if (dims.join() !== [directions, width].join()) throw shapeError(op, `${name} [${directions}, ${width}]`, dims);
  }
}

const optional = (operand: Operand | null | undefined): Float32Array | null => (operand ? floats(operand) : null);
const lengthsOf = (operand: Operand | null | undefined, batch: number, length: number): Int32Array | null => {
  if (!operand) return null;
  const lengths = (operand as Tensor<'int32'>).raw.data;
  if (lengths.length === batch && lengths.every((own) => own >= 0 && own <= length)) return lengths;
  throw new OctavoError('INVALID_DATA', `lengths must lie between 0 and ${length}, got ${lengths.join(', ')}`);
};

function floatLayer(
  name: string,
  opcode: number,
  gates: number,
  withCell: boolean,
  cellOf: (attrs: Attrs) => Cell,
  more: OpDef['attrs'] = {},
): OpDef {
  const check = (w: Dims, r: Dims, sizes: Sizes): void => {
    const { directions, hidden, width } = sizes;
    const [rows, depth] = [gates * hidden, width];
    if (w.join() !== [directions, rows, depth].join() || r.join() !== [directions, rows, hidden].join()) {
      throw shapeError(name, `w [${directions}, ${rows}, ${depth}] and r [${directions}, ${rows}, ${hidden}]`, w, r);
    }
  };
  return {
    name,
    opcode,
    inputs: ['x', 'w', 'r', 'b?', 'lengths?', 'h0?', ...(withCell ? ['c0?', 'p?'] : [])],
    attrs: { ...ATTRS, ...more },
    outputs: withCell ? ['y', 'h', 'c'] : ['y', 'h'],
    infer([xMeta, wMeta, rMeta, bMeta, lengths, h0, c0, p], attrs) {
      const x = tensorMeta(name, 'x', xMeta, 'float32');
      const w = tensorMeta(name, 'w', wMeta, 'float32');
      const sizes = sizesOf(name, x.dims, w.dims, attrs);
      check(w.dims, tensorMeta(name, 'r', rMeta, 'float32').dims, sizes);
      checkVectors(name, sizes, gates, [bMeta, p]);
      checkActivations(name, sizes, attrs, FUNCTIONS[gates] as number);
      checkStates(name, sizes, lengths, withCell ? [h0, c0] : [h0]);
      return outputs(sizes, withCell ? 3 : 2);
    },
    reference([x, w, r, b, lengths, h0, c0, p], attrs) {
      const sizes = sizesOf(name, dimsOf(x), dimsOf(w), attrs);
      const directions = directionsOf(
        sizes,
        attrs,
        gates,
        (d) => ({ input: floatProject(w, d), hidden: floatProject(r, d) }),
        b,
        p,
      );
      const { y, h, c } = runLayer(
        floats(x),
        sizes,
        directions,
        lengthsOf(lengths, sizes.batch, sizes.length),
        { h: optional(h0), c: withCell ? optional(c0) : null },
        cellOf(attrs),
      );
      return outputs(sizes, withCell ? 3 : 2).map(
        ({ dims }, i) => new Tensor('float32', [y, h, c][i] as Float32Array, dims),
      );
    },
  };
}

/** Products with int8 or uint8 weights [directions, k, n]: rows are quantized together, by ONNX's dynamic rule. */
function dynamicProject(
  weights: Operand | null | undefined,
  scales: Operand | null | undefined,
  zeros: Operand | null | undefined,
  direction: number,
): Project {
  const [directions, k, n] = dimsOf(weights) as [number, number, number];
  const codes = (weights as Tensor<'int8' | 'uint8'>).raw.data;
  const zeroCodes = (zeros as Tensor<'int8' | 'uint8'>).raw.data;
  const perColumn = floats(scales).length > directions;
  const at = (column: number): number => (perColumn ? direction * n + column : direction);
  const zeroAt = (column: number): number =>
    zeroCodes[zeroCodes.length > directions ? direction * n + column : direction] as number;
  return (data, from, rows) => {
    const { scale, zeroPoint } = onnxDynamicQParams(data, from, from + rows * k);
    const y = new Float32Array(rows * n);
    const sums = new Int32Array(n);
    for (let row = 0; row < rows; row++) {
      sums.fill(0);
      for (let p = 0; p < k; p++) {
        const code = onnxCode(data[from + row * k + p] as number, scale, zeroPoint) - zeroPoint;
        const start = (direction * k + p) * n;
        for (let j = 0; j < n; j++) sums[j] = (sums[j] as number) + code * ((codes[start + j] as number) - zeroAt(j));
      }
      for (let j = 0; j < n; j++) y[row * n + j] = f(sums[j] as number) * f(scale * (floats(scales)[at(j)] as number));
    }
    return y;
  };
}

/**
 * ONNX Runtime's DynamicQuantizeLSTM: weights w [directions, in, 4 * hidden] and r [directions, hidden, 4 * hidden] as int8
 * or uint8 codes with scales and zero points of a direction, or of each column. x is quantized as a whole, h at each
 * step, by the rule of `octavo::dynamic_quantize_linear`; the rest is `octavo::lstm`.
 */
const dynamicLstm: OpDef = {
  name: 'octavo::lstm_dynamic',
  opcode: 170,
  inputs: ['x', 'w', 'r', 'b?', 'lengths?', 'h0?', 'c0?', 'p?', 'wScale', 'wZeroPoint', 'rScale', 'rZeroPoint'],
  attrs: LSTM_ATTRS,
  outputs: ['y', 'h', 'c'],
  infer([xMeta, wMeta, rMeta, b, lengths, h0, c0, p, wScale, wZero, rScale, rZero], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta, 'float32');
    const w = tensorMeta(this.name, 'w', wMeta, 'int8', 'uint8');
    const r = tensorMeta(this.name, 'r', rMeta, w.dtype);
    const sizes = sizesOf(this.name, x.dims, w.dims, attrs);
    const { directions, width, hidden } = sizes;
    if (
      w.dims.join() !== [directions, width, 4 * hidden].join() ||
      r.dims.join() !== [directions, hidden, 4 * hidden].join()
    ) {
      throw shapeError(
        this.name,
        'w [directions, in, 4 * hidden] and r [directions, hidden, 4 * hidden]',
        w.dims,
        r.dims,
      );
    }
    for (const [name, meta] of [
      ['wScale', wScale],
      ['rScale', rScale],
    ] as const)
      tensorMeta(this.name, name, meta, 'float32');
    for (const [name, meta] of [
      ['wZeroPoint', wZero],
      ['rZeroPoint', rZero],
    ] as const)
      tensorMeta(this.name, name, meta, w.dtype);
    checkVectors(this.name, sizes, 4, [b, p]);
    checkActivations(this.name, sizes, attrs, FUNCTIONS[4] as number);
    checkStates(this.name, sizes, lengths, [h0, c0]);
    return outputs(sizes, 3);
  },
  reference([x, w, r, b, lengths, h0, c0, p, wScale, wZero, rScale, rZero], attrs) {
    const sizes = sizesOf(this.name, dimsOf(x), dimsOf(w), attrs);
    const project = (d: number) => ({
      input: dynamicProject(w, wScale, wZero, d),
      hidden: dynamicProject(r, rScale, rZero, d),
    });
    const { y, h, c } = runLayer(
      floats(x),
      sizes,
      directionsOf(sizes, attrs, 4, project, b, p),
      lengthsOf(lengths, sizes.batch, sizes.length),
      { h: optional(h0), c: optional(c0) },
      lstmCell,
    );
    return outputs(sizes, 3).map(({ dims }, i) => new Tensor('float32', [y, h, c][i] as Float32Array, dims));
  },
};

export const RECURRENT_OPS: readonly OpDef[] = [
  floatLayer('octavo::lstm', 167, 4, true, () => lstmCell, { inputForget: 'int' }),
  floatLayer('octavo::gru', 168, 3, false, (attrs) => gruCell(attrs.linearBeforeReset === 1), {
    linearBeforeReset: 'int',
  }),
  floatLayer('octavo::rnn', 169, 1, false, () => rnnCell),
  dynamicLstm, // 170
];
