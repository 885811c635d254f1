import type { Attrs } from '@octavo/core';
import { flag, slidingWindow, some } from './quantized-cases.js';
import { type Cases, dims, floats, integer, type Random } from './random.js';

const activation =
  (params: (r: Random) => Attrs = () => ({})): Cases[string] =>
  (r) => [[floats(r, dims(r, 1, 4, 12), 0.1)], params(r)];

/** Random operands of float ops over images, and of activations with parameters. */
export const FLOAT_CASES: Cases = {
  'aten::batch_norm': (r) => {
    const shape = dims(r, 2, 5, 6);
    const channels = [shape[1] as number];
    const variance = floats(r, channels);
    variance.data.forEach((v, i) => {
      variance.data[i] = v * v;
    });
    const attrs: Attrs = r() < 0.5 ? {} : { eps: 1e-3 };
    return [[floats(r, shape, 0.05), some(r, channels), some(r, channels), floats(r, channels), variance], attrs];
  },
  'aten::max_pool': (r) => {
    const [shape, attrs] = slidingWindow(r, true);
    return [[floats(r, shape, 0.1)], attrs];
  },
  'aten::avg_pool': (r) => {
    const [shape, attrs] = slidingWindow(r, false);
    const divisor: Attrs = r() < 0.3 ? { divisor: integer(r, 0, 9) } : {};
    return [[floats(r, shape, 0.02)], { ...attrs, ...divisor, ...flag(r, 'countIncludePad') }];
  },
  'aten::adaptive_avg_pool': (r) => {
    const outputSize = r() < 0.3 ? [1, 1] : dims(r, 1, 3, 6);
    return [[floats(r, dims(r, outputSize.length + 1, outputSize.length + 2, 12), 0.02)], { outputSize }];
  },
  'aten::group_norm': (r) => {
    const groups = integer(r, 1, 4);
    const channels = groups * integer(r, 1, 4);
    const shape = [integer(r, 1, 3), channels, ...dims(r, 0, 2, 12)];
    return [
      [floats(r, shape), some(r, [channels]), some(r, [channels])],
      { ...(groups === 1 ? {} : { groups }), ...(r() < 0.5 ? { eps: 1e-3 } : {}) } as Attrs,
    ];
  },
  'aten::clamp': activation((r) => {
    const [min, max] = [r() * 4 - 3, r() * 4].sort((a, b) => a - b) as [number, number];
    const none = 3.4028234663852886e38;
    return r() < 0.3 ? { min: -none, max } : r() < 0.5 ? { min: 0, max: none } : { min, max };
  }),
  'aten::hardswish': activation(),
  'aten::hardsigmoid': activation(),
  'aten::elu': activation((r) => ({ alpha: r() * 3 - 1, inputScale: r() < 0.5 ? 1 : r() * 3 })),
  'aten::leaky_relu': activation((r) => ({ negativeSlope: r() * 2 - 0.5 })),
  'aten::silu': activation(),
};
