import type { Attrs, Tensor } from '@octavo/core';
import { type Cases, codes, dims, floats, integer, type Random } from './random.js';

type CodeType = 'uint8' | 'int8';

const codeType = (r: Random): CodeType => (r() < 0.5 ? 'uint8' : 'int8');

const zeroPoint = (r: Random, type: CodeType): number => integer(r, 0, 255) - (type === 'int8' ? 128 : 0);

/** `<prefix>Scale` and `<prefix>ZeroPoint`: scales mostly of moderate size, powers of two for ties, and far ones. */
function qparams(r: Random, type: CodeType, prefix: string): Attrs {
  const kind = r();
  const scale =
    kind < 0.3 ? 2 ** integer(r, -4, 4) : kind < 0.4 ? 10 ** integer(r, -40, 38) * (1 + r()) : 0.005 + r() * 0.2;
  return prefix === ''
    ? { scale: Math.max(Math.fround(scale), 1e-44), zeroPoint: zeroPoint(r, type) }
    : { [`${prefix}Scale`]: Math.max(Math.fround(scale), 1e-44), [`${prefix}ZeroPoint`]: zeroPoint(r, type) };
}

export const flag = (r: Random, name: string): Attrs => (r() < 0.2 ? {} : { [name]: integer(r, 0, 1) });

/** An op of one tensor of codes of any shape: its attributes by `attrs`. */
const unary =
  (attrs: (r: Random, type: CodeType) => Attrs): Cases[string] =>
  (r) => {
    const type = codeType(r);
    return [[codes(r, dims(r, 0, 3, 20), type)], attrs(r, type)];
  };

const activation = (params: (r: Random) => Attrs = () => ({})): Cases[string] =>
  unary((r, type) => ({ ...qparams(r, type, 'x'), ...params(r), ...qparams(r, type, '') }));

const binary =
  (more: (r: Random) => Attrs = (r) => flag(r, 'relu')): Cases[string] =>
  (r) => {
    const type = codeType(r);
    const shape = dims(r, 1, 4, 9);
    const thin = (): Tensor =>
      codes(
        r,
        shape.slice(integer(r, 0, shape.length)).map((d) => (r() < 0.3 ? 1 : d)),
        type,
      );
    const attrs = {
      ...qparams(r, type, 'a'),
      ...qparams(r, type, 'b'),
      ...qparams(r, type, ''),
      ...more(r),
    };
    return [[r() < 0.6 ? codes(r, shape, type) : thin(), r() < 0.4 ? codes(r, shape, type) : thin()], attrs];
  };

/** Attributes of a sliding window over 1 to 3 axes and the dims of an image that holds it. */
export function slidingWindow(
  r: Random,
  dilated: boolean,
): [shape: number[], attrs: Record<string, number | number[]>] {
  const kernel = dims(r, 1, 3, 4);
  const dilation = kernel.map(() => (dilated ? integer(r, 1, 2) : 1));
  const reach = kernel.map((k, i) => (k - 1) * (dilation[i] as number) + 1);
  const padding = (): number[] => reach.map((window) => integer(r, 0, Math.floor(window / 2)));
  const attrs: Record<string, number | number[]> = { kernel, ...flag(r, 'ceilMode') };
  if (r() < 0.8) attrs.stride = kernel.map(() => integer(r, 1, 3));
  if (r() < 0.8) attrs.padding = r() < 0.5 ? padding() : [...padding(), ...padding()];
  if (dilated) attrs.dilation = dilation;
  return [[...dims(r, 1, 2, 20), ...reach.map((window) => window + integer(r, 0, 6))], attrs];
}

export const some = (r: Random, shape: readonly number[]): Tensor | null => (r() < 0.7 ? floats(r, shape) : null);

/** Random operands of the static quantized ops. */
/** Of a mean: the zero point of its operand, or qparams of the operand and the result. */
function meanQParams(r: Random, type: CodeType, own: boolean): Attrs {
  return own ? { ...qparams(r, type, 'x'), ...qparams(r, type, '') } : { xZeroPoint: zeroPoint(r, type) };
}

const averagePool =
  (own: boolean): Cases[string] =>
  (r) => {
    const type = codeType(r);
    const [shape, attrs] = slidingWindow(r, false);
    const divisor: Attrs = r() < 0.3 ? { divisor: integer(r, 0, 9) } : {};
    const flags = { ...flag(r, 'countIncludePad'), ...flag(r, 'nchw') };
    return [[codes(r, shape, type)], { ...attrs, ...divisor, ...flags, ...meanQParams(r, type, own) }];
  };

const adaptivePool =
  (own: boolean): Cases[string] =>
  (r) => {
    const type = codeType(r);
    const outputSize = r() < 0.3 ? [1, 1] : [integer(r, 1, 6), integer(r, 1, 6)];
    const attrs = { outputSize, ...meanQParams(r, type, own), ...flag(r, 'nchw') };
    return [[codes(r, dims(r, 3, 4, 12), type)], attrs];
  };

const mean =
  (own: boolean): Cases[string] =>
  (r) => {
    const type = codeType(r);
    const shape = dims(r, 0, 4, 9);
    const axes = shape.map((_, i) => (r() < 0.3 ? i - shape.length : i)).filter(() => r() < 0.5);
    return [[codes(r, shape, type)], { dims: axes, ...flag(r, 'keepdim'), ...meanQParams(r, type, own) }];
  };

export const QUANTIZED_CASES: Cases = {
  'quantized::add': binary(),
  'quantized::mul': binary(),
  'octavo::add_linear': binary((r) => ({ shift: r() < 0.5 ? 0 : 128 })),
  'quantized::add_scalar': unary((r, type) => ({
    ...qparams(r, type, 'x'),
    other: integer(r, -300, 300),
    ...qparams(r, type, ''),
    ...flag(r, 'relu'),
  })),
  'quantized::mul_scalar': unary((r, type) => ({
    xZeroPoint: zeroPoint(r, type),
    other: r() < 0.2 ? 0 : r() * 4 - 2,
    ...flag(r, 'relu'),
  })),
  'quantized::requantize': unary((r, type) => ({
    ...qparams(r, type, 'x'),
    ...qparams(r, type, ''),
    ...flag(r, 'relu'),
  })),
  'quantized::relu': unary((r, type) => ({ xZeroPoint: zeroPoint(r, type) })),
  'quantized::clamp': unary((r, type) => {
    const [min, max] = [r() * 8 - 6, r() * 8].sort((a, b) => a - b) as [number, number];
    return { ...qparams(r, type, 'x'), min, max: r() < 0.1 ? Number.POSITIVE_INFINITY : max };
  }),
  'quantized::threshold': unary((r, type) => ({
    ...qparams(r, type, 'x'),
    threshold: r() * 4 - 2,
    value: r() * 40 - 20,
  })),
  'quantized::leaky_relu': activation((r) => ({ negativeSlope: r() * 2 - 0.5 })),
  'quantized::hardswish': activation(),
  'quantized::hardsigmoid': activation(),
  'quantized::sigmoid': activation(),
  'quantized::tanh': activation(),
  'quantized::gelu': activation(),
  'quantized::gelu_tanh': activation(),
  'quantized::elu': activation((r) => ({ alpha: r() * 3 - 1, inputScale: r() < 0.5 ? 1 : r() * 3 })),
  'quantized::max_pool2d': (r) => {
    const [shape, attrs] = slidingWindow(r, true);
    return [[codes(r, shape, codeType(r))], attrs];
  },
  'quantized::avg_pool2d': averagePool(false),
  'octavo::avg_pool_linear': averagePool(true),
  'quantized::adaptive_avg_pool2d': adaptivePool(false),
  'octavo::adaptive_avg_pool_linear': adaptivePool(true),
  'quantized::mean': mean(false),
  'octavo::mean_linear': mean(true),
  'quantized::upsample_nearest2d': (r) => [
    [codes(r, dims(r, 3, 4, 9), codeType(r))],
    { size: [integer(r, 1, 20), integer(r, 1, 20)] },
  ],
  'quantized::upsample_bilinear2d': (r) => {
    const type = codeType(r);
    const size = [integer(r, 1, 20), integer(r, 1, 20)];
    return [[codes(r, dims(r, 3, 4, 9), type)], { size, ...flag(r, 'alignCorners'), xZeroPoint: zeroPoint(r, type) }];
  },
  'quantized::batch_norm': (r) => {
    const type = codeType(r);
    const shape = dims(r, 2, 5, 6);
    const channels = [shape[1] as number];
    const variance = floats(r, channels);
    variance.data.forEach((v, i) => {
      variance.data[i] = Math.abs(v);
    });
    return [
      [codes(r, shape, type), some(r, channels), some(r, channels), floats(r, channels), variance],
      { eps: r() < 0.2 ? 0 : 1e-5, ...qparams(r, type, 'x'), ...qparams(r, type, ''), ...flag(r, 'relu') },
    ];
  },
  'quantized::layer_norm': (r) => {
    const type = codeType(r);
    const shape = dims(r, 1, 3, 40);
    const axes = integer(r, 1, shape.length);
    const inner = shape.slice(-axes);
    return [
      [codes(r, shape, type), some(r, inner), some(r, inner)],
      { ...(axes === 1 ? {} : { axes }), eps: 1e-5, ...qparams(r, type, 'x'), ...qparams(r, type, '') },
    ];
  },
  'quantized::group_norm': (r) => {
    const type = codeType(r);
    const groups = integer(r, 1, 4);
    const channels = groups * integer(r, 1, 4);
    const shape = [integer(r, 1, 3), channels, ...dims(r, 0, 2, 12)];
    return [
      [codes(r, shape, type), some(r, [channels]), some(r, [channels])],
      { ...(groups === 1 ? {} : { groups }), eps: 1e-5, ...qparams(r, type, 'x'), ...qparams(r, type, '') },
    ];
  },
  'quantized::softmax': (r) => {
    const type = codeType(r);
    const shape = dims(r, 0, 3, 30);
    const dim: Attrs = r() < 0.3 || shape.length === 0 ? {} : { dim: integer(r, -shape.length, shape.length - 1) };
    return [[codes(r, shape, type)], { ...dim, ...qparams(r, type, 'x'), ...qparams(r, type, '') }];
  },
  'quantized::matmul': (r) => {
    const type = codeType(r);
    const [m, k, n, b] = [integer(r, 1, 12), integer(r, 1, 80), integer(r, 1, 40), integer(r, 1, 3)];
    const left = [
      [m, k],
      [b, m, k],
      [1, m, k],
      [2, b, m, k],
    ][integer(r, 0, 3)] as number[];
    const right = [
      [k, n],
      [b, k, n],
      [1, k, n],
      [2, 1, k, n],
    ][integer(r, 0, 3)] as number[];
    const attrs = { ...qparams(r, type, 'a'), ...qparams(r, type, 'b'), ...qparams(r, type, '') };
    return [[codes(r, left, type), codes(r, right, type)], attrs];
  },
};
