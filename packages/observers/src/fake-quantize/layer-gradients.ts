import { F, type Tensor } from '@octavo/core';

// Gradients of the layers that are trained with fake quantization; eager modules and graphs use the same.

/** The derivatives of a loss by a layer's input and by its weight, float32, with their dims. */
export interface LayerGradients {
  readonly input: Tensor<'float32'>;
  readonly weight: Tensor<'float32'>;
}

/** A convolution's geometry, a number for each spatial axis; `padding` begins, then ends. */
export interface ConvGeometry {
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

const CONV = [F.conv1d, F.conv2d, F.conv3d];
const CONV_TRANSPOSE = [F.convTranspose1d, F.convTranspose2d, F.convTranspose3d];

/** Of y = x weight^T: x [..., in], weight [out, in], gradient [..., out]. dx = dy weight, dw = dy^T x. */
export function linearGradients(x: Tensor, weight: Tensor, gradient: Tensor): LayerGradients {
  const [out, width] = weight.raw.dims as [number, number];
  const [rows, gradients] = [F.reshape(x, [-1, width]), F.reshape(gradient, [-1, out])];
  return { input: F.matmul(gradient, weight), weight: F.matmul(F.transpose(gradients, 0, 1), rows) };
}

/**
 * Of a convolution over 1 to 3 axes: x [batch, in, ...], weight [out, in / groups, ...kernel], gradient [batch, out,
 * ...]. dx is the transposed convolution of dy by the weight; dw convolves x by dy, batch and channels exchanged.
 */
export function convGradients(x: Tensor, weight: Tensor, gradient: Tensor, geometry: ConvGeometry): LayerGradients {
  const { stride, padding, dilation, groups } = geometry;
  const [outChannels, groupInputs, ...kernel] = weight.raw.dims as [number, number, ...number[]];
  const rank = kernel.length;
  const outputPadding = kernel.map((size, axis) => {
    const pads = (padding[axis] as number) + (padding[rank + axis] as number);
    const reach = (dilation[axis] as number) * (size - 1);
    return ((x.raw.dims[axis + 2] as number) + pads - reach - 1) % (stride[axis] as number);
  });
  const [conv, convTranspose] = [CONV[rank - 1], CONV_TRANSPOSE[rank - 1]] as [
    typeof F.conv2d,
    typeof F.convTranspose2d,
  ];
  const input = convTranspose(gradient, weight, null, { stride, padding, dilation, groups, outputPadding });
  const groupOutputs = outChannels / groups;
  const parts = Array.from({ length: groups }, (_, group) => {
    const from = F.transpose(F.slice(x, 1, group * groupInputs, (group + 1) * groupInputs), 0, 1);
    const by = F.transpose(F.slice(gradient, 1, group * groupOutputs, (group + 1) * groupOutputs), 0, 1);
    // A step of dy in the forward was a stride of x, and a step of the kernel a dilation of it.
    const all: Tensor = conv(from, by, null, { stride: dilation, dilation: stride, padding });
    const taps = kernel.reduce<Tensor>((part, size, axis) => F.slice(part, axis + 2, 0, size), all);
    return F.transpose(taps, 0, 1);
  });
  return { input, weight: F.cat(parts, 0) as Tensor<'float32'> };
}
