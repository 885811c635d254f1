import { Tensor } from '@octavo/core';
import type { OnnxAttribute } from '../model-writer.js';
import type { ExportContext, ExportRule } from '../rule.js';

/**
 * x W^T + bias. Of a matrix it is Gemm, which takes W as it lies; of a batch of matrices MatMul, with the weight turned
 * once here.
 */
const linear: ExportRule = (n) => {
  const { writer } = n;
  if (n.dims(0)?.length === 2) {
    const inputs = [0, 1, ...(n.has(2) ? [2] : [])].map((i) => n.input(i));
    return n.activated(writer.op('Gemm', inputs, { transB: 1 }));
  }
  const product = writer.op('MatMul', [n.input(0), turnedWeight(n)]);
  return n.activated(n.has(2) ? writer.op('Add', [product, n.input(2)]) : product);
};

/** The weight [out, in] as [in, out]: an initializer where it is known, else turned when the model runs. */
function turnedWeight(n: ExportContext): string {
  const { writer } = n;
  const leaf = n.tensor(1);
  const [name] = n.once(`turned ${leaf?.name ?? n.input(1)} ${n.node.input(1).id}`, () => [
    leaf?.tensor.raw.dims.length === 2
      ? writer.initializer(`${leaf.name}.T`, turned(leaf.tensor))
      : writer.op('Transpose', [n.input(1)], { perm: [1, 0] }),
  ]) as [string];
  return name;
}

/** A matrix with its axes exchanged. */
export function turned({ type, raw }: Tensor): Tensor {
  const [rows, columns] = raw.dims as [number, number];
  const from = raw.data as Float32Array;
  const to = from.slice();
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) to[j * rows + i] = from[i * columns + j] as number;
  }
  return new Tensor(type, to as never, [columns, rows]);
}

/** One number for every axis, or as many as there are axes. */
function perAxis(list: readonly number[], rank: number, fallback: number): readonly number[] {
  if (list.length === rank) return list;
  return new Array<number>(rank).fill(list[0] ?? fallback);
}

/** [begin..., end...] of what may be one number, or one an axis. */
function pads(list: readonly number[], rank: number): readonly number[] {
  if (list.length === 2 * rank) return list;
  const both = perAxis(list, rank, 0);
  return [...both, ...both];
}

/** ONNX's attributes of a convolution with our attributes or options. */
export function convAttributes(
  of: { readonly list: (name: string) => readonly number[]; readonly groups: number },
  rank: number,
): Record<string, OnnxAttribute> {
  return {
    strides: perAxis(of.list('stride'), rank, 1),
    pads: pads(of.list('padding'), rank),
    dilations: perAxis(of.list('dilation'), rank, 1),
    group: of.groups,
  };
}

/** Convolutions, of either direction: x, weight, bias. */
const conv =
  (type: 'Conv' | 'ConvTranspose'): ExportRule =>
  (n) => {
    const rank = (n.dims(1)?.length ?? 0) - 2;
    if (rank < 1) throw n.unsupported('the rank of its weight is not known before the model runs');
    const attrs = convAttributes({ list: (name) => n.list(name), groups: n.number('groups', 1) }, rank);
    const outputPadding = type === 'ConvTranspose' && { output_padding: perAxis(n.list('outputPadding'), rank, 0) };
    const inputs = [0, 1, ...(n.has(2) ? [2] : [])].map((i) => n.input(i));
    return n.activated(n.writer.op(type, inputs, { ...attrs, ...outputPadding }));
  };

function windowAttributes(n: ExportContext): Record<string, OnnxAttribute> {
  const kernel = n.list('kernel');
  const stride = n.list('stride');
  return {
    kernel_shape: kernel,
    strides: stride.length === 0 ? kernel : perAxis(stride, kernel.length, 1),
    pads: pads(n.list('padding'), kernel.length),
    ceil_mode: n.number('ceilMode'),
  };
}

const maxPool: ExportRule = (n) => {
  const rank = n.list('kernel').length;
  return n.writer.op('MaxPool', [n.input(0)], {
    ...windowAttributes(n),
    dilations: perAxis(n.list('dilation'), rank, 1),
  });
};

const avgPool: ExportRule = (n) => {
  if (n.number('divisor') > 0) throw n.unsupported(`a divisor of ${n.number('divisor')}`);
  // What a window beyond the padding counts differs between PyTorch and ONNX's definition of this opset.
  if (n.number('ceilMode') === 1 && n.number('countIncludePad') === 1) {
    throw n.unsupported('ceilMode together with countIncludePad');
  }
  return n.writer.op('AveragePool', [n.input(0)], {
    ...windowAttributes(n),
    count_include_pad: n.number('countIncludePad'),
  });
};

/**
 * One window for the whole plane, equal windows where the dims are known and the parts divide them, or the mean of each part
 * of an axis, axis by axis: what parts hold is a box, so that the mean of means is its mean.
 */
const adaptiveAvgPool: ExportRule = (n) => {
  const parts = n.list('outputSize');
  if (parts.every((size) => size === 1)) return n.writer.op('GlobalAveragePool', [n.input(0)]);
  const spatial = n.dims(0)?.slice(-parts.length);
  if (spatial === undefined) throw n.unsupported(`unknown dims in [${parts}] parts; only one part has one`);
  if (!spatial.every((size, axis) => size % (parts[axis] as number) === 0)) {
    return parts.reduce((x, count, i) => meansOfParts(n, x, i - parts.length, spatial[i] as number, count), n.input(0));
  }
  const kernel = spatial.map((size, axis) => size / (parts[axis] as number));
  return n.writer.op('AveragePool', [n.input(0)], { kernel_shape: kernel, strides: kernel });
};

/** The means of elements floor(i size / count) to ceil((i + 1) size / count) of an axis. */
function meansOfParts({ writer }: ExportContext, x: string, axis: number, size: number, count: number): string {
  const means = Array.from({ length: count }, (_, i) => {
    const [start, end] = [Math.floor((i * size) / count), Math.ceil(((i + 1) * size) / count)];
    const part = writer.op('Slice', [x, writer.ints([start]), writer.ints([end]), writer.ints([axis])]);
    return writer.op('ReduceMean', [part], { axes: [axis], keepdims: 1 });
  });
  return writer.op('Concat', means, { axis });
}

/** A float vector of `count` equal numbers. */
const filled = (n: ExportContext, value: number, count: number): string =>
  n.writer.constant('float32', new Array<number>(count).fill(value), [count]);

const batchNorm: ExportRule = (n) => {
  const channels = n.dims(3)?.[0];
  if (channels === undefined) throw n.unsupported('the number of channels is not known before the model runs');
  const scale = n.has(1) ? n.input(1) : filled(n, 1, channels);
  const bias = n.has(2) ? n.input(2) : filled(n, 0, channels);
  const epsilon = { float: n.number('eps', 1e-5) };
  return n.writer.op('BatchNormalization', [n.input(0), scale, bias, n.input(3), n.input(4)], { epsilon });
};

const layerNorm: ExportRule = (n) => {
  const axes = n.number('axes', 1);
  const attrs = { axis: -axes, epsilon: { float: n.number('eps', 1e-5) } };
  const scale = n.has(1) ? n.input(1) : ones(n, axes);
  return n.writer.op('LayerNormalization', [n.input(0), scale, ...(n.has(2) ? [n.input(2)] : [])], attrs);
};

/** Opset 17 has no operator of it. */
const rmsNorm: ExportRule = (n) => {
  const { writer } = n;
  const x = n.input(0);
  const axes = Array.from({ length: n.number('axes', 1) }, (_, i) => -1 - i);
  const mean = writer.op('ReduceMean', [writer.op('Mul', [x, x])], { axes, keepdims: 1 });
  const root = writer.op('Sqrt', [writer.op('Add', [mean, writer.scalar(n.number('eps', 0))])]);
  const y = writer.op('Mul', [x, writer.op('Reciprocal', [root])]);
  return n.has(1) ? writer.op('Mul', [y, n.input(1)]) : y;
};

function ones(n: ExportContext, axes: number): string {
  const dims = n.dims(0)?.slice(-axes);
  if (dims === undefined) throw n.unsupported('the dims that it normalizes are not known before the model runs');
  const size = dims.reduce((product, dim) => product * dim, 1);
  return n.writer.constant('float32', new Array<number>(size).fill(1), dims);
}

/** One group a channel is an instance norm; others are its channels, then weight and bias follow, whatever the rank. */
const groupNorm: ExportRule = (n) => {
  const { writer } = n;
  const groups = n.number('groups', 1);
  const affine = n.has(1) ? 1 : n.has(2) ? 2 : null;
  const epsilon = { float: n.number('eps', 1e-5) };
  if (affine !== null && n.dims(affine)?.[0] === groups) {
    const [weight, bias] = [n.has(1) ? n.input(1) : filled(n, 1, groups), n.has(2) ? n.input(2) : filled(n, 0, groups)];
    return writer.op('InstanceNormalization', [n.input(0), weight, bias], { epsilon });
  }
  const grouped = writer.op('Reshape', [n.input(0), writer.ints([0, groups, -1])]);
  const normed = writer.op('InstanceNormalization', [grouped, filled(n, 1, groups), filled(n, 0, groups)], { epsilon });
  let y = normed;
  if (affine !== null) {
    y = writer.op('Reshape', [y, writer.ints([0, n.dims(affine)?.[0] as number, -1])]);
    const column = (index: number): string => writer.op('Reshape', [n.input(index), writer.ints([-1, 1])]);
    if (n.has(1)) y = writer.op('Mul', [y, column(1)]);
    if (n.has(2)) y = writer.op('Add', [y, column(2)]);
  }
  return writer.op('Reshape', [y, writer.op('Shape', [n.input(0)])]);
};

/** Resize to a spatial size; the dims before it stay, whatever they are. */
const resize = (n: ExportContext, kind: 'nearest' | 'linear', where: string): string => {
  const { writer } = n;
  const size = n.list('size');
  const shape = writer.op('Shape', [n.input(0)]);
  const kept = writer.op('Slice', [shape, writer.ints([0]), writer.ints([-size.length])]);
  const sizes = writer.op('Concat', [kept, writer.ints(size)], { axis: 0 });
  return writer.op('Resize', [n.input(0), '', '', sizes], {
    mode: { text: kind },
    coordinate_transformation_mode: { text: where },
    ...(kind === 'nearest' && { nearest_mode: { text: 'floor' } }),
  });
};

const upsampleNearest: ExportRule = (n) => resize(n, 'nearest', 'asymmetric');
const upsampleBilinear: ExportRule = (n) =>
  resize(n, 'linear', n.number('alignCorners') === 1 ? 'align_corners' : 'pytorch_half_pixel');

const softmax =
  (type: string): ExportRule =>
  (n) =>
    n.writer.op(type, [n.input(0)], { axis: n.number('dim', -1) });

export const NN_RULES: Readonly<Record<string, ExportRule>> = {
  'aten::adaptive_avg_pool': adaptiveAvgPool,
  'aten::avg_pool': avgPool,
  'aten::batch_norm': batchNorm,
  'aten::conv': conv('Conv'),
  'aten::conv_transpose': conv('ConvTranspose'),
  'aten::embedding': (n) => n.writer.op('Gather', [n.input(0), n.input(1)], { axis: 0 }),
  'aten::group_norm': groupNorm,
  'aten::layer_norm': layerNorm,
  'aten::linear': linear,
  'aten::log_softmax': softmax('LogSoftmax'),
  'aten::matmul': (n) => n.writer.op('MatMul', [n.input(0), n.input(1)]),
  'aten::max_pool': maxPool,
  'aten::rms_norm': rmsNorm,
  'aten::softmax': softmax('Softmax'),
  'aten::upsample_bilinear': upsampleBilinear,
  'aten::upsample_nearest': upsampleNearest,
};
