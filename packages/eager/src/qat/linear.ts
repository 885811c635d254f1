import { F, type nn, type Tensor } from '@octavo/core';
import { type ChannelLayout, rowLayout } from './by-channel.js';
import { FakeQuantized, type Gradients } from './fake-quantized.js';

/** A linear that is trained with the errors of its quantization: x [..., in] -> [..., out], float32. */
export class FakeQuantizedLinear extends FakeQuantized<nn.Linear> {
  protected compute(x: Tensor, weight: Tensor, bias: Tensor | null): Tensor<'float32'> {
    return F.linear(x, weight, bias);
  }

  protected gradientsOf(x: Tensor, weight: Tensor, gradient: Tensor): Pick<Gradients, 'input' | 'weight'> {
    const [rows, gradients] = [
      F.reshape(x, [-1, this.layer.inFeatures]),
      F.reshape(gradient, [-1, this.layer.outFeatures]),
    ];
    return { input: F.matmul(gradient, weight), weight: F.matmul(F.transpose(gradients, 0, 1), rows) };
  }

  protected layoutOf(y: Tensor): ChannelLayout {
    return rowLayout(y);
  }
}
