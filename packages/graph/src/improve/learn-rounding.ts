import { Tensor } from '@octavo/core';
import { matmul, type RoundingMoments } from './rounding-moments.js';

/** A weight [groups, rows, depth] over its scales, not rounded yet, and the limits of its codes. */
export interface UnroundedCodes {
  readonly values: Float64Array;
  readonly quantMin: number;
  readonly quantMax: number;
}

/** Of the rectified sigmoid. */
const [ZETA, GAMMA] = [1.1, -0.1];
const LEARNING_RATE = 2e-2;
const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];
const LAMBDA = 0.05;
/** The regularizer's exponent at the first step that has it, and at the last. */
const [EXPONENT_FIRST, EXPONENT_LAST] = [20, 2];
const TABLE = 4096;
/** Share of the steps that only fit. */
const WARM_UP = 0.2;

/**
 * AdaRound's codes (Nagel et al. 2020, arXiv 2004.10568, equations 21 to 25), one step of Adam at each `next`:
 * clip(floor(w / s) + h(v), qmin, qmax) with h(v) = clip(1.2 sigmoid(v) - 0.1, 0, 1), where v, one number a
 * weight, minimises
 *
 *   output error + lambda * sum(1 - |2 h(v) - 1|^beta)
 *
 * Each v begins where h is the fraction of w / s. The regularizer comes in after a fifth of the steps, and beta falls
 * from 20 to 2, which drives every h to 0 or 1. The output error's gradient comes from moments, so that each step sees
 * all patches: 2 (d H - w S). It is taken in units of what rounding one weight adds on average (codes, and the mean of
 * H's diagonal), so that one lambda and one rate serve any layer.
 */
export function* learnRounding(
  { values, quantMin, quantMax }: UnroundedCodes,
  moments: RoundingMoments,
  iterations: number,
): Generator<void, Int8Array> {
  const { groups, rows, depth } = moments.shape;
  const dims = [groups, rows, depth];
  const { inputs, pull } = inUnits(moments, values);
  const size = values.length;
  const floors = values.map(Math.floor);
  const v = values.map((w, i) => {
    const fraction = Math.min(Math.max(w - (floors[i] as number), 1e-3), 1 - 1e-3);
    return -Math.log((ZETA - GAMMA) / (fraction - GAMMA) - 1);
  });
  const [first, second] = [new Float64Array(size), new Float64Array(size)];
  const soft = new Float64Array(size);
  const slopes = new Float64Array(size);
  const change = new Float32Array(size);
  for (let t = 1; t <= iterations; t++) {
    for (let i = 0; i < size; i++) {
      const sigmoid = 1 / (1 + Math.exp(-(v[i] as number)));
      const h = (ZETA - GAMMA) * sigmoid + GAMMA;
      slopes[i] = h > 0 && h < 1 ? (ZETA - GAMMA) * sigmoid * (1 - sigmoid) : 0;
      soft[i] = clip(h, 0, 1);
      change[i] = clip((floors[i] as number) + (soft[i] as number), quantMin, quantMax) - (values[i] as number);
    }
    const fit = matmul(new Tensor('float32', change, dims), inputs);
    const progress = (t / iterations - WARM_UP) / (1 - WARM_UP);
    const regularizer = progress > 0 ? regularizerTable(progress) : null;
    const [bias1, bias2] = [1 - BETA1 ** t, 1 - BETA2 ** t];
    for (let i = 0; i < size; i++) {
      const slope = slopes[i] as number;
      let gradient = 0;
      if (slope > 0) {
        gradient = 2 * ((fit[i] as number) - (pull[i] as number));
        if (regularizer !== null) gradient += regularizer[Math.round((soft[i] as number) * TABLE)] as number;
      }
      gradient *= slope;
      const m = BETA1 * (first[i] as number) + (1 - BETA1) * gradient;
      const u = BETA2 * (second[i] as number) + (1 - BETA2) * gradient * gradient;
      first[i] = m;
      second[i] = u;
      v[i] = (v[i] as number) - (LEARNING_RATE * (m / bias1)) / (Math.sqrt(u / bias2) + EPSILON);
    }
    yield;
  }
  return Int8Array.from(floors, (floor, i) => clip(floor + Number((v[i] as number) >= 0), quantMin, quantMax));
}

/**
 * The regularizer's gradient by h, at so many equal steps from 0 to 1: a power for each weight and step would take most
 * of the time.
 */
function regularizerTable(progress: number): Float64Array {
  const exponent = EXPONENT_LAST + (EXPONENT_FIRST - EXPONENT_LAST) * (1 - progress);
  return Float64Array.from({ length: TABLE + 1 }, (_, i) => {
    const d = (2 * i) / TABLE - 1;
    return -LAMBDA * 2 * exponent * Math.abs(d) ** (exponent - 1) * Math.sign(d);
  });
}

/**
 * Goes on from `codes`, in place, while one weight rounded the other way lowers the output error of its row; always the
 * one that lowers it most. What a few hundred steps leave, where the paper takes ten thousand.
 */
export function descend(
  { values, quantMin, quantMax }: UnroundedCodes,
  codes: Int8Array,
  moments: RoundingMoments,
): void {
  const { shape, inputs } = moments;
  const { rows, depth } = shape;
  const slopes = slopesOf(values, codes, moments);
  for (let start = 0; start < codes.length; start += depth) {
    const matrix = Math.floor(start / (rows * depth)) * depth * depth;
    for (let turns = 0; turns < depth; turns++) {
      let [best, least] = [-1, 0];
      for (let k = 0; k < depth; k++) {
        // Of (d + step) H (d + step)^T - 2 (d + step) pull, less the same without the step.
        const step = stepOf(codes[start + k] as number, values[start + k] as number);
        const gain = 2 * step * (slopes[start + k] as number) + (inputs[matrix + k * (depth + 1)] as number);
        const to = (codes[start + k] as number) + step;
        if (gain < least && to >= quantMin && to <= quantMax) [best, least] = [k, gain];
      }
      if (best < 0) break;
      const step = stepOf(codes[start + best] as number, values[start + best] as number);
      codes[start + best] = (codes[start + best] as number) + step;
      for (let k = 0; k < depth; k++) {
        slopes[start + k] = (slopes[start + k] as number) + step * (inputs[matrix + best * depth + k] as number);
      }
    }
  }
}

/** From a code next to its value to the other one. */
function stepOf(code: number, value: number): 1 | -1 {
  return code > value ? -1 : 1;
}

/** The squared output error of each row, in codes, summed over patches, less what no rounding changes. */
export function rowErrors(values: Float64Array, codes: Int8Array, moments: RoundingMoments): Float64Array {
  const { groups, rows, depth } = moments.shape;
  const errors = new Float64Array(groups * rows);
  const slopes = slopesOf(values, codes, moments);
  const pull = moments.pull(values);
  for (let i = 0; i < codes.length; i++) {
    const row = Math.floor(i / depth);
    const d = (codes[i] as number) - (values[i] as number);
    errors[row] = (errors[row] as number) + d * ((slopes[i] as number) - (pull[i] as number));
  }
  return errors;
}

/** Half the gradient of the squared output error by each code: d H - w S. */
function slopesOf(values: Float64Array, codes: Int8Array, moments: RoundingMoments): Float32Array {
  const { groups, rows, depth } = moments.shape;
  const change = Float32Array.from(values, (w, i) => (codes[i] as number) - w);
  const inputs = new Tensor('float32', moments.inputs, [groups, depth, depth]);
  const slopes = matmul(new Tensor('float32', change, [groups, rows, depth]), inputs);
  const pull = moments.pull(values);
  return slopes.map((slope, i) => slope - (pull[i] as number));
}

/** H and w S over the mean of H's diagonal, group by group. */
function inUnits(moments: RoundingMoments, values: Float64Array): { inputs: Tensor; pull: Float32Array } {
  const { groups, rows, depth } = moments.shape;
  const inputs = moments.inputs.slice();
  const pull = moments.pull(values);
  for (let group = 0; group < groups; group++) {
    const matrix = inputs.subarray(group * depth * depth, (group + 1) * depth * depth);
    let trace = 0;
    for (let i = 0; i < matrix.length; i += depth + 1) trace += matrix[i] as number;
    const unit = trace > 0 ? depth / trace : 0;
    for (let i = 0; i < matrix.length; i++) matrix[i] = (matrix[i] as number) * unit;
    const part = pull.subarray(group * rows * depth, (group + 1) * rows * depth);
    for (let i = 0; i < part.length; i++) part[i] = (part[i] as number) * unit;
  }
  return { inputs: new Tensor('float32', inputs, [groups, depth, depth]), pull };
}

function clip(x: number, least: number, most: number): number {
  return x < least ? least : x > most ? most : x;
}
