import { OctavoError } from '../errors.js';
import { exp } from '../numerics/elementary.js';
import { clamp } from '../numerics/round.js';
import { unaryOp } from './unary-op.js';

// Activation functions in float32, rounded after every operation: the formulas of the quantized ops of the same names
// (`quantized/activations.ts`) without the codes. A NaN stays one.

const f = Math.fround;

/** The largest float32. As an end of `aten::clamp` it is no limit: attributes are finite, so that files can hold them. */
export const NO_LIMIT = 3.4028234663852886e38;

/** x limited to [min, max]: x < min ? min : x > max ? max : x. An end of +-NO_LIMIT lets infinities pass. */
export const clampOp = unaryOp(
  'aten::clamp',
  46,
  ['min', 'max'],
  (param) => {
    const [low, high] = [param('min'), param('max')];
    const min = low <= -NO_LIMIT ? Number.NEGATIVE_INFINITY : low;
    const max = high >= NO_LIMIT ? Number.POSITIVE_INFINITY : high;
    return (x) => clamp(x, min, max);
  },
  ({ min, max }) => {
    if ((min as number) <= (max as number)) return;
    throw new OctavoError('INVALID_ARGUMENT', `[aten::clamp] min must not be above max, got ${min} and ${max}`);
  },
);

/** x min(max(x + 3, 0), 6) / 6, from left to right. */
export const hardswish = unaryOp('aten::hardswish', 47, [], () => (x) => f(f(x * clamp(f(x + 3), 0, 6)) / 6));

/** min(max(x + 3, 0), 6) / 6. */
export const hardsigmoid = unaryOp('aten::hardsigmoid', 48, [], () => (x) => f(clamp(f(x + 3), 0, 6) / 6));

/** x where x >= 0, else (exp(x inputScale) - 1) alpha. elu has inputScale 1, celu 1 / alpha. */
export const elu = unaryOp('aten::elu', 49, ['alpha', 'inputScale'], (param) => {
  const [alpha, inputScale] = [param('alpha'), param('inputScale')];
  return (x) => (x >= 0 ? x : f(f(exp(f(x * inputScale)) - 1) * alpha));
});

/** x where x > 0, else x negativeSlope. */
export const leakyRelu = unaryOp('aten::leaky_relu', 75, ['negativeSlope'], (param) => {
  const slope = param('negativeSlope');
  return (x) => (x > 0 ? x : f(x * slope));
});

/** x / (1 + exp(-x)). */
export const silu = unaryOp('aten::silu', 81, [], () => (x) => f(x / f(1 + exp(-x))));
