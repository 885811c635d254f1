import { F, type nn, type Tensor } from '@octavo/core';
import { convGradients, type LayerGradients } from '@octavo/observers';
import { type ChannelLayout, imageLayout } from './by-channel.js';
import { FakeQuantized } from './fake-quantized.js';

const CONV = [F.conv1d, F.conv2d, F.conv3d];

/** A convolution over 1 to 3 axes that is trained with the errors of its quantization: x [batch, in, ...], float32. */
export class FakeQuantizedConv extends FakeQuantized<nn.ConvNd> {
  protected compute(x: Tensor, weight: Tensor, bias: Tensor | null): Tensor<'float32'> {
    const conv = CONV[this.layer.kernel.length - 1] as typeof F.conv2d;
    return conv(x, weight, bias, this.layer);
  }

  protected gradientsOf(x: Tensor, weight: Tensor, gradient: Tensor): LayerGradients {
    return convGradients(x, weight, gradient, this.layer);
  }

  protected layoutOf(y: Tensor): ChannelLayout {
    return imageLayout(y);
  }
}
