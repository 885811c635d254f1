import { clamp, F, float16FromFloat32, type Module, type nn, Tensor } from '@octavo/core';
import { finiteWeight } from '../convert/check-weight.js';

// Float16 modules are float modules whose weights are stored as float16 under the same names; biases stay float32. A
// weight is widened to float32 where it is used, once a call and once a sequence, and the wide copy is not kept: the
// point of float16 is memory, and the pass over the weight costs little beside a product with more than a few rows.

/** The largest float16. */
const FLOAT16_MAX = 65504;

/** A float32 weight as float16, saturated to +-65504 (PyTorch, `HandleWeightsSaturation`), rounded to nearest even. */
export function narrowWeight(name: string, weight: Tensor): Tensor<'float16'> {
  const values = finiteWeight(name, weight);
  const halves = Uint16Array.from(values, (x) => float16FromFloat32(clamp(x, -FLOAT16_MAX, FLOAT16_MAX)));
  return new Tensor('float16', halves, weight.raw.dims);
}

/** Own weights of a module made float16. */
export function narrowOwnWeights<M extends Module>(module: M): M {
  return narrowInto(module, module);
}

/** `half` with the parameters of a float module of its sizes, weights as float16. */
export function narrowInto<M extends Module>(half: M, float: Module): M {
  const own = half as unknown as Record<string, Tensor>;
  for (const [name, tensor] of [...float.namedTensors()]) {
    own[name] = name.startsWith('weight') ? narrowWeight(name, tensor) : tensor;
  }
  return half;
}

/** The weights of one direction of a recurrent layer, or of a cell, widened. */
export function float16Weights(parameters: object, suffix: string): F.RecurrentWeights {
  const own = parameters as Record<string, Tensor | undefined>;
  const wide = (name: 'ih' | 'hh' | 'hr'): Tensor | undefined => {
    const weight = own[`weight_${name}${suffix}`];
    return weight && F.toFloat(weight);
  };
  return {
    weightIh: wide('ih') as Tensor,
    weightHh: wide('hh') as Tensor,
    biasIh: own[`bias_ih${suffix}`],
    biasHh: own[`bias_hh${suffix}`],
    weightHr: wide('hr'),
  };
}

/** The linears of a cell over float16 weights. */
export function float16Layer(parameters: object): nn.RecurrentLayer {
  const { weightIh, weightHh, biasIh, biasHh } = float16Weights(parameters, '');
  return { input: (x) => F.linear(x, weightIh, biasIh), hidden: (h) => F.linear(h, weightHh, biasHh) };
}
