import { exp } from '../numerics/elementary.js';
import { fma } from '../numerics/fma.js';
import { foldLanes, LANES, laneSum } from '../numerics/lane-sum.js';
import { checkAxis, type Dims, sizeOf } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { attrNumber, dimsOf, floats, shapeError, tensorMeta } from './check.js';
import type { Attrs, OpDef, Operand, OperandMeta } from './op-def.js';

const f = Math.fround;

/**
 * Layer normalisation over the last `axes` dimensions (n elements), float32; weight and bias have those dims.
 * The formula is `normalizedRuns`.
 */
export const layerNorm: OpDef = {
  name: 'aten::layer_norm',
  opcode: 5,
  inputs: ['x', 'weight?', 'bias?'],
  attrs: { axes: 'int', eps: 'float' },
  outputs: ['y'],
  infer([xMeta, weightMeta, biasMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta, 'float32');
    const axes = attrNumber(attrs, 'axes', 1);
    if (axes < 1 || x.dims.length < axes) throw shapeError(this.name, `x of rank ${axes} or more`, x.dims);
    checkAffine(this.name, { weight: weightMeta, bias: biasMeta }, x.dims.slice(-axes));
    return [x];
  },
  reference([x, weight, bias], attrs) {
    const n = sizeOf(dimsOf(x).slice(-attrNumber(attrs, 'axes', 1)));
    return normalizedRuns([x, weight, bias], n, attrs, (_, i) => i);
  },
};

/**
 * Group normalisation of x [batch, channels, ...], float32: `groups` runs of channels an item, each normalised as a row
 * of `aten::layer_norm` is; weight and bias [channels]. With as many groups as channels it is instance normalisation.
 */
export const groupNorm: OpDef = {
  name: 'aten::group_norm',
  opcode: 45,
  inputs: ['x', 'weight?', 'bias?'],
  attrs: { groups: 'int', eps: 'float' },
  outputs: ['y'],
  infer([xMeta, weightMeta, biasMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta, 'float32');
    const groups = attrNumber(attrs, 'groups', 1);
    const channels = x.dims[1] as number;
    if (x.dims.length < 2 || !Number.isInteger(groups) || groups < 1 || channels % groups !== 0) {
      throw shapeError(this.name, `x [batch, ${groups} * channels, ...]`, x.dims);
    }
    checkAffine(this.name, { weight: weightMeta, bias: biasMeta }, [channels]);
    return [x];
  },
  reference(inputs, attrs) {
    const dims = dimsOf(inputs[0]);
    const groups = attrNumber(attrs, 'groups', 1);
    const channels = (dims[1] as number) / groups;
    const spatial = sizeOf(dims.slice(2));
    const channelOf = (run: number, i: number): number => (run % groups) * channels + Math.floor(i / spatial);
    return normalizedRuns(inputs, channels * spatial, attrs, channelOf);
  },
};

/** Weight and bias, where they are given, are float32 of these dims. */
function checkAffine(
  op: string,
  metas: Readonly<Record<string, OperandMeta | null | undefined>>,
  expected: Dims,
): void {
  for (const [name, meta] of Object.entries(metas)) {
    if (!meta) continue;
    const { dims } = tensorMeta(op, name, meta, 'float32');
    if (dims.join() !== expected.join()) throw shapeError(op, `${name} [${expected.join(', ')}]`, dims);
  }
}

/**
 * Each run of `n` elements normalised: mean = sum / n; variance = sum of fma(d, d, lane) / n with d = x - mean;
 * y = fma(d * (1 / sqrt(variance + eps)), w, b). `parameter` says which weight and bias an element has.
 */
function normalizedRuns(
  [x, weight, bias]: readonly (Operand | null | undefined)[],
  n: number,
  attrs: Attrs,
  parameter: (run: number, i: number) => number,
): Tensor[] {
  const data = floats(x);
  const eps = f(attrNumber(attrs, 'eps', 1e-5));
  const w = weight ? floats(weight) : null;
  const b = bias ? floats(bias) : null;
  const y = new Float32Array(data.length);
  for (let start = 0, run = 0; start < data.length; start += n, run++) {
    const mean = f(laneSum(n, (i) => data[start + i] as number) / n);
    const lanes = new Float32Array(LANES);
    for (let i = 0; i < n; i++) {
      const d = f((data[start + i] as number) - mean);
      lanes[i % LANES] = fma(d, d, lanes[i % LANES] as number);
    }
    const variance = f(foldLanes(lanes) / n);
    const inverse = f(1 / f(Math.sqrt(f(variance + eps))));
    for (let i = 0; i < n; i++) {
      const t = f(f((data[start + i] as number) - mean) * inverse);
      const at = parameter(run, i);
      y[start + i] = fma(t, w === null ? 1 : (w[at] as number), b === null ? 0 : (b[at] as number));
    }
  }
  return [new Tensor('float32', y, dimsOf(x))];
}

/**
 * Softmax of one row of `count` values in place, from `start` in steps of `stride`: e = exp(x - max), then e times
 * 1 / (lane sum of e). A value of -infinity, or one far below the maximum, becomes exactly 0 and leaves the others alone.
 */
export function softmaxRow(data: Float32Array, start: number, count: number, stride: number): void {
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const x = data[start + i * stride] as number;
    if (x > max) max = x;
  }
  const lanes = new Float32Array(LANES);
  for (let i = 0; i < count; i++) {
    const e = exp(f((data[start + i * stride] as number) - max));
    data[start + i * stride] = e;
    lanes[i % LANES] = f((lanes[i % LANES] as number) + e);
  }
  const inverse = f(1 / foldLanes(lanes));
  for (let i = 0; i < count; i++) {
    data[start + i * stride] = f((data[start + i * stride] as number) * inverse);
  }
}

/** Calls `each` for every row along the attribute `dim`: its `count` elements lie from `start` in steps of `stride`. */
export function forEachRowAlong(
  op: string,
  dims: Dims,
  attrs: Attrs,
  each: (start: number, count: number, stride: number) => void,
): void {
  const axis = checkAxis(attrNumber(attrs, 'dim', -1), dims.length, op);
  const count = dims[axis] ?? 1;
  const stride = sizeOf(dims.slice(axis + 1));
  const size = sizeOf(dims);
  for (let outer = 0; outer < size; outer += count * stride) {
    for (let inner = 0; inner < stride; inner++) each(outer + inner, count, stride);
  }
}

/** Softmax along `dim`, float32. */
export const softmax: OpDef = {
  name: 'aten::softmax',
  opcode: 6,
  inputs: ['x'],
  attrs: { dim: 'int' },
  outputs: ['y'],
  infer([xMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta, 'float32');
    checkAxis(attrNumber(attrs, 'dim', -1), x.dims.length, this.name);
    return [x];
  },
  reference([x], attrs) {
    const y = floats(x).slice();
    forEachRowAlong(this.name, dimsOf(x), attrs, (start, count, stride) => softmaxRow(y, start, count, stride));
    return [new Tensor('float32', y, dimsOf(x))];
  },
};
