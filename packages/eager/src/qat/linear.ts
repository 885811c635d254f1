import { F, type nn, type Tensor } from '@octavo/core';
import { type LayerGradients, linearGradients } from '@octavo/observers';
import { type ChannelLayout, rowLayout } from './by-channel.js';
import { FakeQuantized } from './fake-quantized.js';

/** A linear that is trained with the errors of its quantization: x [..., in] -> [..., out], float32. */
export class FakeQuantizedLinear extends FakeQuantized<nn.Linear> {
  protected compute(x: Tensor, weight: Tensor, bias: Tensor | null): Tensor<'float32'> {
    return F.linear(x, weight, bias);
  }

  protected gradientsOf(x: Tensor, weight: Tensor, gradient: Tensor): LayerGradients {
    return linearGradients(x, weight, gradient);
  }

  protected layoutOf(y: Tensor): ChannelLayout {
    return rowLayout(y);
  }
}
