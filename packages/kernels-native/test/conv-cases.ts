import { type Attrs, ConvPackedParams, type Tensor } from '@octavo/core';
import { type Cases, codes, floats, integer, packedWeights, quantizedWeight, type Random } from './random.js';

interface ConvKind {
  readonly rank: number;
  readonly groups: number;
  /** Channels of one group. */
  readonly inputs: number;
  readonly outputs: number;
}

interface Geometry {
  readonly kernel: number[];
  readonly stride: number[];
  readonly dilation: number[];
  /** [begin..., end...] */
  readonly padding: number[];
}

/** Any small kernel, stride, dilation and asymmetric padding. */
function geometry(random: Random, rank: number): Geometry {
  const perAxis = (low: number, high: number): number[] =>
    Array.from({ length: rank }, () => integer(random, low, high));
  return {
    kernel: perAxis(1, random() < 0.3 ? 1 : rank === 3 ? 2 : 4),
    stride: perAxis(1, random() < 0.5 ? 1 : 3),
    dilation: perAxis(1, random() < 0.6 ? 1 : 2),
    padding: random() < 0.3 ? new Array(2 * rank).fill(0) : [...perAxis(0, 3), ...perAxis(0, 2)],
  };
}

/** Spatial dims that give an output, a few more at random. */
function spatial(random: Random, { kernel, dilation, padding }: Geometry, transposed: boolean): number[] {
  const rank = kernel.length;
  return kernel.map((taps, i) => {
    const reach = (dilation[i] as number) * (taps - 1) + 1;
    const pads = (padding[i] as number) + (padding[rank + i] as number);
    return Math.max(1, transposed ? pads + 1 : reach - pads) + integer(random, 0, transposed ? 2 : rank === 3 ? 3 : 6);
  });
}

/** Packed weights and an input of theirs. */
function quantized(
  random: Random,
  { rank, groups, inputs, outputs }: ConvKind,
  transposed: boolean,
): [x: Tensor<'uint8'>, packed: ConvPackedParams] {
  const { kernel, ...rest } = geometry(random, rank);
  const dims = transposed ? [groups * inputs, outputs, ...kernel] : [groups * outputs, inputs, ...kernel];
  const perChannel = random() < 0.7 && (!transposed || groups === 1);
  const weight = quantizedWeight(random, dims, perChannel, transposed ? 1 : 0);
  const packed = new ConvPackedParams(weight, random() < 0.7 ? floats(random, [groups * outputs]) : null, {
    ...rest,
    groups,
    transposed,
    outputPadding: transposed
      ? rest.stride.map((step, i) => Math.min(1, Math.max(step, rest.dilation[i] ?? 1) - 1))
      : 0,
  });
  const x = [integer(random, 1, 2), packed.inChannels, ...spatial(random, { kernel, ...rest }, transposed)];
  return [codes(random, x, 'uint8'), packed];
}

/** Plain, grouped and depthwise convolutions of any rank, few and many channels. */
function anyKind(random: Random): ConvKind {
  const groups = random() < 0.5 ? 1 : integer(random, 2, 5);
  return {
    rank: integer(random, 1, 3),
    groups: random() < 0.2 ? integer(random, 6, 40) : groups,
    inputs: random() < 0.4 ? 1 : integer(random, 1, random() < 0.2 ? 70 : 9),
    outputs: random() < 0.4 ? 1 : integer(random, 1, 20),
  };
}

function floatConv(
  random: Random,
  { rank, groups, inputs, outputs }: ConvKind,
  transposed: boolean,
): ReturnType<Cases[string]> {
  const { kernel, ...rest } = geometry(random, rank);
  const weight = floats(
    random,
    transposed ? [groups * inputs, outputs, ...kernel] : [groups * outputs, inputs, ...kernel],
  );
  const x = floats(
    random,
    [integer(random, 1, 2), groups * inputs, ...spatial(random, { kernel, ...rest }, transposed)],
    random() < 0.2 ? 0.02 : 0,
  );
  const outputPadding = rest.stride.map((step, i) => Math.min(1, Math.max(step, rest.dilation[i] ?? 1) - 1));
  return [
    [x, weight, random() < 0.7 ? floats(random, [groups * outputs]) : null],
    transposed ? { ...rest, groups, outputPadding } : { ...rest, groups },
  ];
}

/** Attributes of a static op of `k` products whose codes mostly stay in their range, and sometimes lie far outside. */
function staticAttrs(random: Random, k: number): Attrs {
  return {
    xScale: 0.001 + random() * 0.1,
    xZeroPoint: integer(random, 0, 255),
    scale: (0.02 + random()) * (random() < 0.1 ? 1e-6 : Math.sqrt(k)),
    zeroPoint: integer(random, 0, 255),
  };
}

const activation = (random: Random): Attrs => ({ activation: [0, 1, 3][integer(random, 0, 2)] as number });

const depth = ({ weight }: ConvPackedParams): number => weight.dims.slice(1).reduce((a, b) => a * b, 1);

/** Linears and convolutions of codes, and float convolutions. */
export const CONV_CASES: Cases = {
  'quantized::linear': (r) => {
    const [m, n, k] = [integer(r, 1, 20), integer(r, 1, 70), integer(r, 1, 150)];
    return [[codes(r, [m, k], 'uint8'), packedWeights(r, n, k)], { ...staticAttrs(r, k), ...activation(r) }];
  },
  'quantized::conv': (r) => {
    const [x, packed] = quantized(r, anyKind(r), false);
    return [[x, packed], { ...staticAttrs(r, depth(packed)), ...activation(r) }];
  },
  'quantized::conv_transpose': (r) => {
    const [x, packed] = quantized(r, anyKind(r), true);
    return [[x, packed], staticAttrs(r, depth(packed))];
  },
  'aten::conv': (r) => {
    const [operands, attrs] = floatConv(r, anyKind(r), false);
    return [operands, { ...attrs, activation: integer(r, 0, 3) }];
  },
  'octavo::conv_affine': (r) => {
    const [operands, attrs] = floatConv(r, anyKind(r), false);
    const channels = (operands[1] as Tensor).raw.dims.slice(0, 1);
    return [[...operands, floats(r, channels), floats(r, channels)], { ...attrs, activation: integer(r, 0, 3) }];
  },
  'aten::conv_transpose': (r) => floatConv(r, anyKind(r), true),
};
