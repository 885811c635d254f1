import { laneSum } from '../numerics/lane-sum.js';
import { sizeOf } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { attrNumber, dimsOf, floats, shapeError, tensorMeta } from './check.js';
import type { OpDef } from './op-def.js';

const f = Math.fround;

/**
 * Root mean square normalisation over the last `axes` dimensions (n elements), float32, as LLaMA and T5 have it; weight has
 * those dims: y = x * (1 / sqrt(mean(x * x) + eps)) * weight, rounded after each operation, the mean by the lane sum.
 */
export const rmsNorm: OpDef = {
  name: 'aten::rms_norm',
  opcode: 87,
  inputs: ['x', 'weight?'],
  attrs: { axes: 'int', eps: 'float' },
  outputs: ['y'],
  infer([xMeta, weightMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta, 'float32');
    const axes = attrNumber(attrs, 'axes', 1);
    if (axes < 1 || x.dims.length < axes) throw shapeError(this.name, `x of rank ${axes} or more`, x.dims);
    const inner = x.dims.slice(-axes);
    if (weightMeta) {
      const { dims } = tensorMeta(this.name, 'weight', weightMeta, 'float32');
      if (dims.join() !== inner.join()) throw shapeError(this.name, `weight [${inner.join(', ')}]`, dims);
    }
    return [x];
  },
  reference([x, weight], attrs) {
    const data = floats(x);
    const n = sizeOf(dimsOf(x).slice(-attrNumber(attrs, 'axes', 1)));
    const eps = f(attrNumber(attrs, 'eps', 0));
    const y = new Float32Array(data.length);
    for (let start = 0; start < data.length; start += n) {
      const mean = f(laneSum(n, (i) => f((data[start + i] as number) * (data[start + i] as number))) / n);
      const inverse = f(1 / f(Math.sqrt(f(mean + eps))));
      for (let i = 0; i < n; i++) {
        const scaled = f((data[start + i] as number) * inverse);
        y[start + i] = weight ? scaled * (floats(weight)[i] as number) : scaled;
      }
    }
    return [new Tensor('float32', y, dimsOf(x))];
  },
};
