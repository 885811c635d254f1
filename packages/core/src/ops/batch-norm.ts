import type { BatchNormParameters } from '../fold-batch-norm.js';
import { fma } from '../numerics/fma.js';
import { sizeOf } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { attrNumber, dimsOf, floats, shapeError, tensorMeta } from './check.js';
import type { OpDef } from './op-def.js';

const f = Math.fround;

/**
 * Batch normalisation by given statistics, float32: x [batch, channels, ...]; weight, bias, runningMean and runningVar
 * [channels]. For each channel, rounded to float32 after every operation:
 *
 * alpha = f(weight * f(1 / f(sqrt(f(runningVar + eps))))), beta = f(bias - f(runningMean * alpha)),
 * y = fma(x, alpha, beta); without weight and bias 1 and 0 stand for them.
 */
export const batchNorm: OpDef = {
  name: 'aten::batch_norm',
  opcode: 41,
  inputs: ['x', 'weight?', 'bias?', 'runningMean', 'runningVar'],
  attrs: { eps: 'float' },
  outputs: ['y'],
  infer([xMeta, ...parameters]) {
    const x = tensorMeta(this.name, 'x', xMeta, 'float32');
    if (x.dims.length < 2) throw shapeError(this.name, 'x [batch, channels, ...]', x.dims);
    const channels = x.dims[1] as number;
    this.inputs.slice(1).forEach((input, i) => {
      const name = input.replace('?', '');
      if (name !== input && !parameters[i]) return;
      const { dims } = tensorMeta(this.name, name, parameters[i], 'float32');
      if (dims.length !== 1 || dims[0] !== channels) throw shapeError(this.name, `${name} [${channels}]`, dims);
    });
    return [x];
  },
  reference([x, ...parameters], attrs) {
    const dims = dimsOf(x);
    const channels = dims[1] as number;
    const plane = sizeOf(dims.slice(2));
    const [gamma, bias, mean, variance] = parameters as [Tensor | null, Tensor | null, Tensor, Tensor];
    const [alpha, beta] = batchNormAffine({ gamma, beta: bias, mean, variance, eps: attrNumber(attrs, 'eps', 1e-5) });
    const data = floats(x);
    const y = new Float32Array(data.length);
    for (let start = 0, row = 0; start < y.length; start += plane, row++) {
      const [a, b] = [alpha[row % channels] as number, beta[row % channels] as number];
      for (let i = start; i < start + plane; i++) y[i] = fma(data[i] as number, a, b);
    }
    return [new Tensor('float32', y, dims)];
  },
};

/** alpha and beta [channels] of `aten::batch_norm`, with the bits that it has them in. */
export function batchNormAffine({
  gamma,
  beta,
  mean,
  variance,
  eps,
}: BatchNormParameters): [alpha: Float32Array, beta: Float32Array] {
  const factors = floats(variance).map((v, i) => {
    const inverse = f(1 / f(Math.sqrt(f(v + f(eps)))));
    return gamma ? f((floats(gamma)[i] as number) * inverse) : inverse;
  });
  const offsets = floats(mean).map((m, i) =>
    f((beta ? (floats(beta)[i] as number) : 0) - f(m * (factors[i] as number))),
  );
  return [factors, offsets];
}
