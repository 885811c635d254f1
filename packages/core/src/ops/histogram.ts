import { OctavoError } from '../errors.js';
import { checkAxis, type Dims, sizeOf } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { attrNumber, dimsOf, floats, tensorMeta } from './check.js';
import type { Attrs, OpDef } from './op-def.js';

// What observers ask of a tensor: its histogram, and its ranges.

const f = Math.fround;
const MOST_BINS = 2 ** 20;

/**
 * `torch.histc`: how many values of x (float32, any shape) fall into each of `bins` equal bins between `min` and `max`,
 * float32 [bins] (aten/src/ATen/native/cpu/HistogramKernel.cpp): bin = trunc((x - min) * bins / (max - min)), float32
 * after every operation, the last bin closed. Values outside and NaN do not count; min = max widens to min - 1 and
 * max + 1. Counts are exact integers, rounded to float32 once.
 */
export const histc: OpDef = {
  name: 'aten::histc',
  opcode: 93,
  inputs: ['x'],
  attrs: { bins: 'int', min: 'float', max: 'float' },
  outputs: ['counts'],
  infer([xMeta], attrs) {
    tensorMeta(this.name, 'x', xMeta, 'float32');
    const [bins, min, max] = [attrNumber(attrs, 'bins', 0), attrNumber(attrs, 'min', 0), attrNumber(attrs, 'max', 0)];
    if (!Number.isInteger(bins) || bins < 1 || bins > MOST_BINS) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[${this.name}] bins must be an integer from 1 to ${MOST_BINS}, got ${bins}`,
      );
    }
    if (!(f(min) <= f(max)) || !Number.isFinite(f(min)) || !Number.isFinite(f(max))) {
      throw new OctavoError('INVALID_ARGUMENT', `[${this.name}] expected finite min <= max, got ${min} and ${max}`);
    }
    return [{ dtype: 'float32', dims: [bins] }];
  },
  reference([x], attrs) {
    const values = floats(x);
    const [bins, min, max] = [
      attrNumber(attrs, 'bins', 0),
      f(attrNumber(attrs, 'min', 0)),
      f(attrNumber(attrs, 'max', 0)),
    ];
    const low = min === max ? f(min - 1) : min;
    const high = min === max ? f(max + 1) : max;
    const width = f(high - low);
    const counts = new Float64Array(bins);
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      if (!(value >= low && value <= high)) continue;
      const bin = Math.trunc(f(f(f(value - low) * bins) / width));
      counts[bin < bins ? bin : bins - 1]! += 1;
    }
    return [new Tensor('float32', Float32Array.from(counts), [bins])];
  },
};

/** `axis` of `octavo::finite_range` for one range of all values. */
export const WHOLE = -1;

function rangesOf(op: string, dims: Dims, attrs: Attrs): { count: number; run: number } {
  const axis = attrNumber(attrs, 'axis', WHOLE);
  if (axis === WHOLE) return { count: 1, run: Math.max(sizeOf(dims), 1) };
  const resolved = checkAxis(axis, dims.length, op);
  return { count: dims[resolved] as number, run: sizeOf(dims.slice(resolved + 1)) };
}

/**
 * The smallest and the largest finite value of x (float32, any shape): float32 [2, n], minima first, n = 1 for `axis`
 * -1 and one range for each index of another axis. Where nothing is finite the range is the empty one, from +infinity
 * to -infinity, which leaves any other as it is. A bound of -0 is +0: which zero comes first must not show.
 */
export const finiteRangeOp: OpDef = {
  name: 'octavo::finite_range',
  opcode: 94,
  inputs: ['x'],
  attrs: { axis: 'int' },
  outputs: ['range'],
  infer([xMeta], attrs) {
    const { dims } = tensorMeta(this.name, 'x', xMeta, 'float32');
    return [{ dtype: 'float32', dims: [2, rangesOf(this.name, dims, attrs).count] }];
  },
  reference([x], attrs) {
    const values = floats(x);
    const { count, run } = rangesOf(this.name, dimsOf(x), attrs);
    const range = new Float32Array(2 * count).fill(Number.POSITIVE_INFINITY, 0, count);
    range.fill(Number.NEGATIVE_INFINITY, count);
    for (let start = 0, i = 0; start < values.length; start += run, i = (i + 1) % count) {
      let low = range[i] as number;
      let high = range[count + i] as number;
      for (let k = start; k < start + run; k++) {
        const value = values[k] as number;
        if (value - value !== 0) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
      range[i] = low + 0;
      range[count + i] = high + 0;
    }
    return [new Tensor('float32', range, [2, count])];
  },
};
