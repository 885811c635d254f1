import { type Dims, Tensor } from '@octavo/core';
import type { Rule, RuleContext } from '../../import/rule.js';
import type { Value } from '../../ir/value.js';
import { axisOf } from './shape.js';

const f = Math.fround;

/** Where output coordinate `to` lies in the input: ONNX's `coordinate_transformation_mode`. */
type Transform = (to: number, scale: number, from: number, size: number) => number;

const TRANSFORMS: Readonly<Record<string, Transform>> = {
  half_pixel: (to, scale) => (to + 0.5) / scale - 0.5,
  half_pixel_symmetric: (to, scale, from, size) => {
    // The given scale may not fill `size`: the input's centre stays at the output's.
    const offset = (from / 2) * (1 - size / (scale * from));
    return offset + (to + 0.5) / scale - 0.5;
  },
  pytorch_half_pixel: (to, scale, _from, size) => (size > 1 ? (to + 0.5) / scale - 0.5 : 0),
  // By the size that the scale gives, whole or not.
  align_corners: (to, scale, from) => (scale * from > 1 ? (to * (from - 1)) / (scale * from - 1) : 0),
  asymmetric: (to, scale) => to / scale,
};

/** Which neighbour a coordinate takes: `nearest_mode`. */
const NEAREST: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

interface Axis {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
  readonly scale: number;
}

/**
 * Resize along each axis in turn: nearest by index, linear and cubic as a product with the matrix of weights. Two
 * spatial dims in the forms that core has an op for take that op, which quantization knows.
 */
const resize: Rule = (n) => {
  const x = n.input(0);
  const axes = resizedAxes(n, n.dims(x)).filter(({ from, to, scale }) => from !== to || scale !== 1);
  const mode = n.text('mode', 'nearest');
  const where = n.text('coordinate_transformation_mode', 'half_pixel');
  const transform = Object.hasOwn(TRANSFORMS, where) ? TRANSFORMS[where] : undefined;
  if (transform === undefined) throw n.unsupported(`coordinate_transformation_mode ${where}`);
  const upsampled = upsample(n, x, axes, mode, where);
  if (upsampled !== null) return upsampled;
  return axes.reduce(
    (value, axis) =>
      mode === 'nearest' ? nearest(n, value, axis, transform) : weighted(n, value, axis, transform, mode),
    x,
  );
};

/** core's own ops over the last two of four dims; null where the request is another. */
function upsample(n: RuleContext, x: Value, axes: readonly Axis[], mode: string, where: string): Value | null {
  const isPlane = n.rank(x) === 4 && axes.length > 0 && axes.every(({ axis }) => axis >= 2) && n.dtype(x) === 'float32';
  if (!isPlane || axes.some(({ from, to, scale }) => Math.abs(to / from - scale) > 1e-6)) return null;
  const size = [2, 3].map((axis) => axes.find((entry) => entry.axis === axis)?.to ?? (n.dims(x)[axis] as number));
  const rounding = n.text('nearest_mode', 'round_prefer_floor');
  const whole = axes.every(({ scale }) => Number.isInteger(scale));
  // With whole scales, half-pixel centres round to the same neighbours.
  const sameNearest =
    (where === 'asymmetric' && rounding === 'floor') ||
    (whole && where === 'half_pixel' && rounding.startsWith('round'));
  if (mode === 'nearest' && sameNearest) return n.op('aten::upsample_nearest', [x], { size });
  if (mode !== 'linear' || n.attr('antialias', 0) === 1 || !['half_pixel', 'align_corners'].includes(where))
    return null;
  return n.op('aten::upsample_bilinear', [x], { size, alignCorners: where === 'align_corners' ? 1 : 0 });
}

/** From `sizes`, or from `scales` by rounding down; of all dims, or of `axes`. */
function resizedAxes(n: RuleContext, dims: Dims): Axis[] {
  const axes = n.has('axes') ? n.list('axes').map((axis) => axisOf(n, axis, dims.length)) : dims.map((_, axis) => axis);
  const sizes = n.optional(3);
  if (sizes === null) {
    const scales = n.numbers(n.input(2));
    return axes.map((axis, i) => {
      const [from, scale] = [dims[axis] as number, scales[i] as number];
      return { axis, from, to: Math.floor(from * scale), scale };
    });
  }
  const asked = n.numbers(sizes);
  const policy = n.text('keep_aspect_ratio_policy', 'stretch');
  if (policy === 'stretch') {
    return axes.map((axis, i) => ({
      axis,
      from: dims[axis] as number,
      to: asked[i] as number,
      scale: (asked[i] as number) / (dims[axis] as number),
    }));
  }
  const ratios = axes.map((axis, i) => (asked[i] as number) / (dims[axis] as number));
  const scale = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
  return axes.map((axis) => ({
    axis,
    from: dims[axis] as number,
    to: Math.floor(scale * (dims[axis] as number) + 0.5),
    scale,
  }));
}

function nearest(n: RuleContext, x: Value, { axis, from, to, scale }: Axis, transform: Transform): Value {
  const pick = NEAREST[n.text('nearest_mode', 'round_prefer_floor')];
  if (pick === undefined) throw n.fault(`unknown nearest_mode '${n.text('nearest_mode', '')}'`);
  const indices = Array.from({ length: to }, (_, i) => inside(pick(transform(i, scale, from, to)), from));
  return n.op('octavo::take', [x, n.constant(Tensor.from(indices, { dtype: 'int64' }))], { dim: axis });
}

function inside(index: number, size: number): number {
  return Math.min(Math.max(index, 0), size - 1);
}

/** x times the weights [to, from] along one axis, by way of the last. */
function weighted(
  n: RuleContext,
  x: Value,
  { axis, from, to, scale }: Axis,
  transform: Transform,
  mode: string,
): Value {
  if (mode !== 'linear' && mode !== 'cubic') throw n.fault(`unknown mode '${mode}'`);
  const kernel = mode === 'linear' ? LINEAR : cubic(n.attr('cubic_coeff_a', -0.75));
  const stretch = n.attr('antialias', 0) === 1 && scale < 1 ? scale : 1;
  const reach = Math.ceil((mode === 'linear' ? 1 : 2) / stretch);
  const excludes = n.attr('exclude_outside', 0) === 1;
  const normalizes = excludes || stretch < 1;
  const weights = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const at = transform(i, scale, from, to);
    const floor = Math.floor(at);
    const taps: { index: number; weight: number }[] = [];
    for (let index = floor - reach + 1; index <= floor + reach; index++) {
      const outside = index < 0 || index >= from;
      const weight = excludes && outside ? 0 : kernel((at - index) * stretch);
      taps.push({ index: inside(index, from), weight });
    }
    const total = normalizes ? taps.reduce((sum, { weight }) => sum + weight, 0) : 1;
    for (const { index, weight } of taps)
      weights[i * from + index] = f((weights[i * from + index] as number) + weight / total);
  }
  const order = Array.from({ length: n.rank(x) }, (_, i) => i);
  const last = order.length - 1;
  const swap = order.map((i) => (i === axis ? last : i === last ? axis : i));
  const turned = axis === last ? x : n.op('aten::permute', [x], { dims: swap });
  const y = n.op('aten::linear', [turned, n.constant(new Tensor('float32', weights, [to, from])), null], {
    activation: 0,
  });
  return axis === last ? y : n.op('aten::permute', [y], { dims: swap });
}

const LINEAR = (distance: number): number => Math.max(0, 1 - Math.abs(distance));

/** Keys' cubic convolution kernel with parameter a. */
function cubic(a: number): (distance: number) => number {
  return (distance) => {
    const d = Math.abs(distance);
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? a * (((d - 5) * d + 8) * d - 4) : 0;
  };
}

export const RESIZE_RULES: Readonly<Record<string, Rule>> = { Resize: resize };
