import { gemm } from '../numerics/gemm.js';
import { sizeOf } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { activationOf, checkActivation } from './activation.js';
import { attrNumber, dimsOf, floats, shapeError, tensorMeta } from './check.js';
import type { OpDef } from './op-def.js';

const f = Math.fround;

/**
 * y = activation(x weight^T + bias). x [..., in], weight [out, in], bias [out] -> [..., out], float32.
 * One FMA chain per output, k ascending; the bias is added after it, the activation rounds as the op of that name.
 */
export const linear: OpDef = {
  name: 'aten::linear',
  opcode: 1,
  inputs: ['x', 'weight', 'bias?'],
  attrs: { activation: 'int' },
  outputs: ['y'],
  infer([xMeta, weightMeta, biasMeta], attrs) {
    checkActivation(this.name, attrs);
    const x = tensorMeta(this.name, 'x', xMeta, 'float32');
    const weight = tensorMeta(this.name, 'weight', weightMeta, 'float32');
    const [out, inner] = weight.dims;
    if (weight.dims.length !== 2 || x.dims.length < 1 || x.dims.at(-1) !== inner) {
      throw shapeError(this.name, 'x [..., in] and weight [out, in]', x.dims, weight.dims);
    }
    if (biasMeta) {
      const bias = tensorMeta(this.name, 'bias', biasMeta, 'float32');
      if (bias.dims.length !== 1 || bias.dims[0] !== out) throw shapeError(this.name, `bias [${out}]`, bias.dims);
    }
    return [{ dtype: 'float32', dims: [...x.dims.slice(0, -1), out as number] }];
  },
  reference([x, weight, bias], attrs) {
    const [n, k] = dimsOf(weight) as [number, number];
    const m = sizeOf(dimsOf(x).slice(0, -1));
    const y = new Float32Array(m * n);
    gemm(
      { m, n, k },
      { data: floats(x), offset: 0, row: k, column: 1 },
      { data: floats(weight), offset: 0, row: 1, column: k },
      { data: y, offset: 0, row: n },
    );
    const activation = activationOf(attrNumber(attrs, 'activation', 0));
    const biases = bias ? floats(bias) : null;
    for (let i = 0; i < y.length; i++) {
      y[i] = activation(biases === null ? (y[i] as number) : f((y[i] as number) + (biases[i % n] as number)));
    }
    return [new Tensor('float32', y, [...dimsOf(x).slice(0, -1), n])];
  },
};
