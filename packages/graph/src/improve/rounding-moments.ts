import { dispatch, opByName, Tensor, withRecorder } from '@octavo/core';
import type { LayerShape } from './layer-patches.js';

/**
 * What a layer's output error depends on. Let w be a row of the float weight and d what rounding adds to it, x a patch
 * of the rounded input and e = the float input - x. The int8 output (w + d) x is off from the float one, w (x + e), by
 * d x - w e, and the sum of its square over all patches is d H d^T - 2 (w S) d^T + a constant, with H = sum x x^T and S
 * = sum e x^T.
 */
export class RoundingMoments {
  /** H [groups, depth, depth]. */
  readonly inputs: Float32Array;
  /** S [groups, depth, depth]. */
  private readonly shifts: Float32Array;
  /** How many patches there were. */
  count = 0;

  constructor(readonly shape: LayerShape) {
    const size = shape.groups * shape.depth * shape.depth;
    this.inputs = new Float32Array(size);
    this.shifts = new Float32Array(size);
  }

  /** Adds patches of the rounded and of the float input, [groups, patches, depth] each. */
  add(rounded: Float32Array, float: Float32Array): void {
    const { groups, depth } = this.shape;
    const dims = [groups, rounded.length / (groups * depth), depth];
    const errors = float.map((x, i) => x - (rounded[i] as number));
    const x = new Tensor('float32', rounded, dims);
    accumulate(this.inputs, matmul(transposed(x), x));
    accumulate(this.shifts, matmul(transposed(new Tensor('float32', errors, dims)), x));
    this.count += dims[1] as number;
  }

  /** w S for a weight [groups, rows, depth]. */
  pull(weight: Float64Array): Float32Array {
    const { groups, rows, depth } = this.shape;
    const w = new Tensor('float32', Float32Array.from(weight), [groups, rows, depth]);
    return matmul(w, new Tensor('float32', this.shifts, [groups, depth, depth]));
  }
}

/** The batched product on the active backend. */
export function matmul(a: Tensor, b: Tensor): Float32Array {
  return (withRecorder(null, () => dispatch(opByName('aten::matmul'), [a, b]))[0] as Tensor<'float32'>).raw.data;
}

function transposed(x: Tensor): Tensor {
  return withRecorder(null, () => dispatch(opByName('aten::permute'), [x], { dims: [0, 2, 1] }))[0] as Tensor;
}

function accumulate(sums: Float32Array, parts: Float32Array): void {
  for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (parts[i] as number);
}
