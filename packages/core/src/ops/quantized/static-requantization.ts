import { OctavoError } from '../../errors.js';
import { inverseScale, quantizeValue } from '../../numerics/quantize.js';
import { type Requantization, requantization } from '../../numerics/requantize.js';
import type { PackedParams } from '../../tensor/packed-params.js';
import { sizeOf } from '../../tensor/shape.js';
import { attrNumber } from '../check.js';
import type { Attrs } from '../op-def.js';
import { checkQParamAttrs, codeRange, qparamsOf } from './codes.js';

// What static quantized linears and convolutions share: their attributes, and the way from sums to codes. Activations
// are uint8 on both sides, as FBGEMM has them.

/** Activations in the epilogue of a static op: clamps of codes. The codes agree with `ACTIVATIONS`; append-only. */
export const STATIC_ACTIVATIONS = { none: 0, relu: 1, relu6: 3 } as const;
export type StaticActivation = keyof typeof STATIC_ACTIVATIONS;
const STATIC_ACTIVATION_CODES: readonly number[] = Object.values(STATIC_ACTIVATIONS);

/** Qparams of the input and the output: float32 scales, zero points from 0 to 255. */
export const STATIC_QPARAMS = { xScale: 'float', xZeroPoint: 'int', scale: 'float', zeroPoint: 'int' } as const;

/** Refuses attributes that are missing or out of range. */
export function checkStaticAttrs(op: string, attrs: Attrs): void {
  checkQParamAttrs(op, attrs, 'uint8', 'x', '');
  const activation = attrNumber(attrs, 'activation', STATIC_ACTIVATIONS.none);
  if (STATIC_ACTIVATION_CODES.includes(activation)) return;
  const known = Object.entries(STATIC_ACTIVATIONS).map(([name, code]) => `${code} (${name})`);
  throw new OctavoError('INVALID_ARGUMENT', `[${op}] activation must be ${known.join(', ')}, got ${activation}`);
}

/**
 * The requantization of a static op by its attributes. relu clamps at zeroPoint, relu6 also at the code of 6,
 * zeroPoint + rint(6 * (1 / scale)): the codes that a relu or relu6 after the op would give.
 */
export function staticRequantization({ weight, bias }: PackedParams, channels: number, attrs: Attrs): Requantization {
  const { scale, zeroPoint } = qparamsOf(attrs, '');
  const { qmin, qmax } = codeRange('uint8');
  const activation = attrNumber(attrs, 'activation', STATIC_ACTIVATIONS.none);
  const six = quantizeValue(6, inverseScale(scale), zeroPoint, qmin, qmax);
  return requantization(
    channels,
    { x: qparamsOf(attrs, 'x').scale, weight: weight.scales, perChannel: weight.axis !== null, y: scale },
    bias === null ? null : bias.raw.data,
    {
      zeroPoint,
      low: activation === STATIC_ACTIVATIONS.none ? qmin : zeroPoint,
      high: activation === STATIC_ACTIVATIONS.relu6 ? six : qmax,
    },
  );
}

/** The weight's codes less their zero points, in the order they are stored. Channels are axis 0, or 1 where it is transposed. */
export function centredWeight({ weight: { values, zeroPoints, axis } }: PackedParams): Int32Array {
  const codes = values.raw.data as Int8Array;
  const run = axis === null ? codes.length : sizeOf(values.raw.dims.slice(axis + 1));
  const centred = new Int32Array(codes.length);
  for (let start = 0, channel = 0; start < codes.length; start += run, channel++) {
    const zeroPoint = zeroPoints[channel % zeroPoints.length] as number;
    for (let i = start; i < start + run; i++) centred[i] = (codes[i] as number) - zeroPoint;
  }
  return centred;
}
