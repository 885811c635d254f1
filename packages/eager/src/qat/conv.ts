import { F, type nn, type Tensor } from '@octavo/core';
import { type ChannelLayout, imageLayout } from './by-channel.js';
import { FakeQuantized, type Gradients } from './fake-quantized.js';

const CONV = [F.conv1d, F.conv2d, F.conv3d];
const CONV_TRANSPOSE = [F.convTranspose1d, F.convTranspose2d, F.convTranspose3d];

/** A convolution over 1 to 3 axes that is trained with the errors of its quantization: x [batch, in, ...], float32. */
export class FakeQuantizedConv extends FakeQuantized<nn.ConvNd> {
  protected compute(x: Tensor, weight: Tensor, bias: Tensor | null): Tensor<'float32'> {
    return this.functionOf(CONV)(x, weight, bias, this.layer);
  }

  /** dx is the transposed convolution of dy by the weight; dw convolves x by dy, batch and channels exchanged. */
  protected gradientsOf(x: Tensor, weight: Tensor, gradient: Tensor): Pick<Gradients, 'input' | 'weight'> {
    const { stride, padding, dilation, groups, kernel } = this.layer;
    const outputPadding = kernel.map((size, axis) => {
      const pads = (padding[axis] as number) + (padding[kernel.length + axis] as number);
      const reach = (dilation[axis] as number) * (size - 1);
      return ((x.raw.dims[axis + 2] as number) + pads - reach - 1) % (stride[axis] as number);
    });
    const options = { stride, padding, dilation, groups, outputPadding };
    const input = this.functionOf(CONV_TRANSPOSE)(gradient, weight, null, options);
    const [inputs, outputs] = [this.layer.inChannels / groups, this.layer.outChannels / groups];
    const parts = Array.from({ length: groups }, (_, group) => {
      const from = F.transpose(F.slice(x, 1, group * inputs, (group + 1) * inputs), 0, 1);
      const by = F.transpose(F.slice(gradient, 1, group * outputs, (group + 1) * outputs), 0, 1);
      // A step of dy in the forward was a stride of x, and a step of the kernel a dilation of it.
      const swapped = { stride: dilation, dilation: stride, padding };
      const all = this.functionOf(CONV)(from, by, null, swapped);
      const taps = kernel.reduce<Tensor>((part, size, axis) => F.slice(part, axis + 2, 0, size), all);
      return F.transpose(taps, 0, 1);
    });
    return { input, weight: F.cat(parts, 0) as Tensor<'float32'> };
  }

  protected layoutOf(y: Tensor): ChannelLayout {
    return imageLayout(y);
  }

  private functionOf<T>(ranks: readonly T[]): T {
    return ranks[this.layer.kernel.length - 1] as T;
  }
}
