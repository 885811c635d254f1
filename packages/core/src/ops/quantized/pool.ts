import { quantizeValue } from '../../numerics/quantize.js';
import { clamp, rint } from '../../numerics/round.js';
import type { Tensor } from '../../tensor/tensor.js';
import { attrNumber } from '../check.js';
import type { Attrs, OpDef, Operand, OperandMeta } from '../op-def.js';
import { adaptiveWindows, pool, pooledDims, slidingWindows, type WindowsOf } from '../windows.js';
import { type CodesMeta, checkZeroPointAttrs, codeRange, codesMeta, codesOf, codesTensor } from './codes.js';

const f = Math.fround;

// Pools of codes over the last 1, 2 or 3 dimensions, as many as `kernel` or `outputSize` has: x [..., channels,
// ...spatial]. Padding is one number an axis or [begin..., end...]; stride defaults to the kernel. The qparams stay.

function inferPool(op: string, x: OperandMeta | null | undefined, attrs: Attrs, windowsOf: WindowsOf): CodesMeta {
  const { dtype, dims } = codesMeta(op, 'x', x);
  return { dtype, dims: pooledDims(dims, windowsOf(op, dims, attrs)) };
}

function pooled(
  op: string,
  x: Operand | null | undefined,
  attrs: Attrs,
  windowsOf: WindowsOf,
  value: (visit: (each: (code: number) => void) => void, area: number) => number,
): Tensor {
  const { type, data, dims } = codesOf(x);
  const windows = windowsOf(op, dims, attrs);
  return codesTensor(type, pooledDims(dims, windows), (y) => pool(data, dims, windows, y, value));
}

/** The largest code of each window; padding never wins, a window of padding alone gives the lowest code. */
export const maxPool2d: OpDef = {
  name: 'quantized::max_pool2d',
  opcode: 64,
  inputs: ['x'],
  attrs: { kernel: 'ints', stride: 'ints', padding: 'ints', dilation: 'ints', ceilMode: 'int' },
  outputs: ['y'],
  infer([x], attrs) {
    return [inferPool(this.name, x, attrs, slidingWindows)];
  },
  reference([x], attrs) {
    const { qmin } = codeRange(codesOf(x).type);
    return [
      pooled(this.name, x, attrs, slidingWindows, (visit) => {
        let max = qmin;
        visit((code) => {
          if (code > max) max = code;
        });
        return max;
      }),
    ];
  },
};

/**
 * The code of the mean of `count` values whose differences to the zero point add up to `sum`, an exact integer:
 * zeroPoint + rint(f(sum) * f(1 / count)), PyTorch's channels-last formula. `nchw` adds the zero point before the
 * rounding, as PyTorch does for tensors that are not channels-last: other codes at ties where the zero point is odd.
 */
export function meanCode(
  sum: number,
  count: number,
  zeroPoint: number,
  { qmin, qmax }: { qmin: number; qmax: number },
  nchw = false,
): number {
  const multiplier = f(1 / count);
  if (nchw) return clamp(rint(f(f(f(sum) * multiplier) + zeroPoint)), qmin, qmax);
  return quantizeValue(f(sum), multiplier, zeroPoint, qmin, qmax);
}

function averaged(
  op: string,
  x: Operand | null | undefined,
  attrs: Attrs,
  windowsOf: WindowsOf,
  divisor: (count: number, area: number) => number,
): Tensor {
  const zeroPoint = attrs.xZeroPoint as number;
  const range = codeRange(codesOf(x).type);
  const nchw = attrNumber(attrs, 'nchw', 0) === 1;
  return pooled(op, x, attrs, windowsOf, (visit, area) => {
    let sum = 0;
    let count = 0;
    visit((code) => {
      sum += code - zeroPoint;
      count++;
    });
    return count === 0 ? zeroPoint : meanCode(sum, divisor(count, area), zeroPoint, range, nchw);
  });
}

/**
 * The mean of each window (`meanCode`). Padding counts as zeros with `countIncludePad` 1 and not at all with 0;
 * `divisor` above 0 replaces the count. `nchw` 1 is PyTorch's formula for tensors that are not channels-last; ours is
 * the other one, whatever the layout.
 */
export const avgPool2d: OpDef = {
  name: 'quantized::avg_pool2d',
  opcode: 65,
  inputs: ['x'],
  attrs: {
    kernel: 'ints',
    stride: 'ints',
    padding: 'ints',
    ceilMode: 'int',
    countIncludePad: 'int',
    divisor: 'int',
    xZeroPoint: 'int',
    nchw: 'int',
  },
  outputs: ['y'],
  infer([x], attrs) {
    const meta = inferPool(this.name, x, attrs, slidingWindows);
    checkZeroPointAttrs(this.name, attrs, meta.dtype, 'x');
    return [meta];
  },
  reference([x], attrs) {
    const divisor = attrNumber(attrs, 'divisor', 0);
    const padded = attrNumber(attrs, 'countIncludePad', 0) === 1;
    return [
      averaged(this.name, x, attrs, slidingWindows, (count, area) => (divisor > 0 ? divisor : padded ? area : count)),
    ];
  },
};

/** The mean of each of `outputSize` parts of the input, which may overlap; else as `avg_pool2d`. */
export const adaptiveAvgPool2d: OpDef = {
  name: 'quantized::adaptive_avg_pool2d',
  opcode: 66,
  inputs: ['x'],
  attrs: { outputSize: 'ints', xZeroPoint: 'int', nchw: 'int' },
  outputs: ['y'],
  infer([x], attrs) {
    const meta = inferPool(this.name, x, attrs, adaptiveWindows);
    checkZeroPointAttrs(this.name, attrs, meta.dtype, 'x');
    return [meta];
  },
  reference([x], attrs) {
    return [averaged(this.name, x, attrs, adaptiveWindows, (count) => count)];
  },
};
