import type { StaticOptions } from '../../../src/quantized/index.js';
import { QuantizedTensor } from '../../../src/tensor/quantized-tensor.js';
import type { Tensor } from '../../../src/tensor/tensor.js';
import type { GoldenCase } from '../../golden.js';

/** The operands of a golden case of a static linear or convolution. */
export function staticInputs({ params, inputs }: GoldenCase): {
  x: QuantizedTensor;
  weight: QuantizedTensor;
  bias: Tensor | null;
} {
  const perChannel = params.per_channel === true;
  const numbers = (role: string): number[] => Array.from((inputs[role] as Tensor).raw.data as Float32Array, Number);
  const scales = perChannel ? numbers('weight_scales') : [params.weight_scale as number];
  const zeroPoints = perChannel ? numbers('weight_zero_points') : [params.weight_zero_point as number];
  return {
    x: new QuantizedTensor('quint8', inputs.x as Tensor, {
      scales: Float32Array.of(params.x_scale as number),
      zeroPoints: Int32Array.of(params.x_zero_point as number),
    }),
    weight: new QuantizedTensor('qint8', inputs.weight as Tensor, {
      scales: Float32Array.from(scales),
      zeroPoints: Int32Array.from(zeroPoints),
      axis: perChannel ? 0 : null,
    }),
    bias: (inputs.bias as Tensor | undefined) ?? null,
  };
}

/** The output's qparams and the activation that a golden case asks for. */
export function staticOptions({ params }: GoldenCase): StaticOptions {
  return {
    scale: params.y_scale as number,
    zeroPoint: params.y_zero_point as number,
    activation: params.relu === true ? 'relu' : 'none',
  };
}
