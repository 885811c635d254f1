import { exp, log } from '../numerics/elementary.js';
import { laneSum } from '../numerics/lane-sum.js';
import { checkAxis } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { attrNumber, dimsOf, floats, tensorMeta } from './check.js';
import { forEachRowAlong } from './normalize.js';
import type { OpDef } from './op-def.js';

const f = Math.fround;

/**
 * log(softmax(x)) along `dim`, float32: (x - max) - log(lane sum of exp(x - max)). Every value is finite where the
 * inputs are, however far one lies below the maximum.
 */
export const logSoftmax: OpDef = {
  name: 'aten::log_softmax',
  opcode: 80,
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
    forEachRowAlong(this.name, dimsOf(x), attrs, (start, count, stride) => logSoftmaxRow(y, start, count, stride));
    return [new Tensor('float32', y, dimsOf(x))];
  },
};

/** One row of `count` values in place, from `start` in steps of `stride`. */
function logSoftmaxRow(data: Float32Array, start: number, count: number, stride: number): void {
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const x = data[start + i * stride] as number;
    if (x > max) max = x;
  }
  const below = (i: number): number => f((data[start + i * stride] as number) - max);
  const logSum = log(laneSum(count, (i) => exp(below(i))));
  for (let i = 0; i < count; i++) data[start + i * stride] = f(below(i) - logSum);
}
