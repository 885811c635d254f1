import {
  type Attrs,
  channelsLastOf,
  type DType,
  DYNAMIC_SCHEMES,
  LinearPackedParams,
  type Operand,
  QuantizedTensor,
  sizeOf,
  Tensor,
} from '@octavo/core';

/** A small seeded generator (mulberry32), so that a failure can be repeated from its seed. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export type Random = () => number;

export function integer(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}

/** Random operands and attributes of ops, by name. */
export type Cases = Record<string, (random: Random) => [inputs: (Operand | null)[], attrs: Attrs]>;

/** Random dims: a rank from `low` to `high`, each of 1 to `max`. */
export function dims(random: Random, low: number, high: number, max: number): number[] {
  return Array.from({ length: integer(random, low, high) }, () => integer(random, 1, max));
}

/** Values that kernels get wrong: signed zeros, subnormals, infinities, NaN, halves, huge ones. */
const SPECIAL = [
  0,
  -0,
  1e-45,
  -1e-40,
  Infinity,
  -Infinity,
  NaN,
  0.5,
  -0.5,
  1.5,
  2.5,
  3e38,
  -3e38,
  88.8,
  -104.5,
  0.625,
  -0.9277344,
];

/** float32 values, mostly of moderate size; `special` is the share of awkward ones. */
export function floats(random: Random, dims: readonly number[], special = 0): Tensor<'float32'> {
  const scale = 10 ** integer(random, -2, 1);
  const data = Float32Array.from({ length: sizeOf(dims) }, () =>
    random() < special ? (SPECIAL[integer(random, 0, SPECIAL.length - 1)] as number) : (random() * 2 - 1) * scale,
  );
  return new Tensor('float32', data, dims);
}

/** Integers over the whole range of a storage dtype, with the ends often. */
export function codes<T extends 'int8' | 'uint8' | 'int32'>(
  random: Random,
  dims: readonly number[],
  dtype: T,
): Tensor<T> {
  const [low, high] = { int8: [-128, 127], uint8: [0, 255], int32: [-(2 ** 31), 2 ** 31 - 1] }[dtype] as [
    number,
    number,
  ];
  const values = Array.from({ length: sizeOf(dims) }, () => {
    const kind = random();
    return kind < 0.2 ? high : kind < 0.4 ? low : integer(random, low, high);
  });
  return Tensor.from(values, { dtype: dtype as DType, dims }) as Tensor<T>;
}

/** int8 weights with scales and zero points for each of those along axis `channels`, or one for all. */
export function quantizedWeight(
  random: Random,
  dims: readonly number[],
  perChannel: boolean,
  channels = 0,
): QuantizedTensor {
  const asymmetric = random() < 0.3;
  const count = perChannel ? (dims[channels] as number) : 1;
  const scales = Float32Array.from({ length: count }, () => 0.001 + random() * 0.1);
  return new QuantizedTensor('qint8', codes(random, dims, 'int8'), {
    scales,
    zeroPoints: Int32Array.from(scales, () => (asymmetric ? integer(random, -128, 127) : 0)),
    axis: perChannel ? channels : null,
  });
}

/** Packed int8 weights [n, k] with per-channel or per-tensor scales and perhaps a bias. */
export function packedWeights(random: Random, n: number, k: number): LinearPackedParams {
  const weight = quantizedWeight(random, [n, k], random() < 0.7);
  return new LinearPackedParams(weight, random() < 0.7 ? floats(random, [n]) : null);
}

/** The exact bits of a tensor; NaN payloads are exempt, so every NaN counts as one. */
export function bitsOf(tensor: Tensor): string {
  const { data } = tensor.raw;
  const copy = data.slice();
  if (copy instanceof Float32Array) copy.set(copy.map((x) => (Number.isNaN(x) ? Number.NaN : x)));
  return `${tensor.type} [${tensor.raw.dims}] ${Buffer.from(copy.buffer, copy.byteOffset, copy.byteLength).toString('hex')}`;
}

/** The same tensor in channels-last memory, as native kernels make them; ranks that have no such order stay as they are. */
export function inChannelsLast(tensor: Tensor): Tensor {
  const { type, raw } = tensor;
  if (raw.dims.length < 3 || raw.dims.length > 5) return tensor;
  return Tensor.channelsLast(type, channelsLastOf(raw.data, raw.dims), raw.dims);
}

/** A scheme of dynamic ranges, with a reduced range where it has one. */
export function dynamicScheme(random: Random): { scheme: number; reduceRange: number } {
  const scheme = integer(random, 0, 2);
  return { scheme, reduceRange: scheme === DYNAMIC_SCHEMES.onnx ? 0 : integer(random, 0, 1) };
}

/** A weight [n, k] of codes in groups, as `octavo::linear_weight_only` takes it; k is even. */
export function groupedWeight(random: Random, n: number, k: number): { operands: Tensor[]; attrs: Attrs } {
  const bits = random() < 0.5 ? 4 : 8;
  const groupSize = [8, 32, k, 200, integer(random, 1, 20)][integer(random, 0, 4)] as number;
  const groups = Math.ceil(k / groupSize);
  const zeros = Uint8Array.from({ length: n * groups }, () => integer(random, 0, 2 ** bits - 1));
  // Scales whose products with codes are subnormal are no more exact in another unit.
  const unit = random() < 0.1 ? 1e-38 : 1;
  const scales = Float32Array.from({ length: n * groups }, () => random() * unit);
  return {
    operands: [
      codes(random, [n, (k * bits) / 8], 'uint8'),
      new Tensor('float32', scales, [n, groups]),
      new Tensor('uint8', zeros, [n, groups]),
    ],
    attrs: { bits, groupSize },
  };
}
