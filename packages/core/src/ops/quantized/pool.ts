import { quantizeValue } from '../../numerics/quantize.js';
import { clamp, rint } from '../../numerics/round.js';
import type { Tensor } from '../../tensor/tensor.js';
import { attrNumber } from '../check.js';
import type { Attrs, OpDef, Operand, OperandMeta } from '../op-def.js';
import { adaptiveWindows, pool, pooledDims, slidingWindows, type WindowsOf } from '../windows.js';
import {
  type CodesMeta,
  type CodeType,
  checkQParamAttrs,
  checkZeroPointAttrs,
  codeRange,
  codesMeta,
  codesOf,
  codesTensor,
  qparamsOf,
} from './codes.js';

const f = Math.fround;

/** Qparams of a mean that are not its operand's: attributes of the ops that have them. */
export const OWN_QPARAMS = { xScale: 'float', scale: 'float', zeroPoint: 'int' } as const;

// Pools of codes over the last 1, 2 or 3 dimensions, as many as `kernel` or `outputSize` has: x [..., channels,
// ...spatial]. Padding is one number an axis or [begin..., end...]; stride defaults to the kernel. The qparams of maxima stay.

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
 * How a sum of differences to the zero point becomes the code of a mean: zeroPoint + rint(f(sum) * multiplier).
 *
 * With the qparams of the input the multiplier is f(1 / count), PyTorch's channels-last formula; `nchw` adds the zero
 * point before the rounding, as PyTorch does for tensors that are not channels-last: other codes at ties where the zero
 * point is odd. With a `scale` of the result's own it is f(xScale / f(scale * count)), as ONNX Runtime's
 * QLinearGlobalAveragePool has it.
 */
export interface MeanRule {
  /** The zero point of the operand's codes. */
  readonly xZeroPoint: number;
  code(sum: number, count: number): number;
  /** The code of 0: the mean of no values. */
  readonly zeroPoint: number;
}

/** What means take besides their sizes. */
const MEAN_ATTRS = { xZeroPoint: 'int', nchw: 'int' } as const;

/** Refuses qparams that are no scale or no code. */
export function checkMeanAttrs(op: string, attrs: Attrs, type: CodeType): void {
  checkZeroPointAttrs(op, attrs, type, 'x');
  if (attrNumber(attrs, 'scale', 0) !== 0) checkQParamAttrs(op, attrs, type, 'x', '');
}

export function meanRule(attrs: Attrs, type: CodeType): MeanRule {
  const xZeroPoint = attrs.xZeroPoint as number;
  const { qmin, qmax } = codeRange(type);
  if (attrNumber(attrs, 'scale', 0) === 0) {
    const nchw = attrNumber(attrs, 'nchw', 0) === 1;
    return {
      xZeroPoint,
      zeroPoint: xZeroPoint,
      code: (sum, count) =>
        nchw
          ? clamp(rint(f(f(f(sum) * f(1 / count)) + xZeroPoint)), qmin, qmax)
          : quantizeValue(f(sum), f(1 / count), xZeroPoint, qmin, qmax),
    };
  }
  const x = qparamsOf(attrs, 'x');
  const { scale, zeroPoint } = qparamsOf(attrs, '');
  return {
    xZeroPoint,
    zeroPoint,
    code: (sum, count) => quantizeValue(f(sum), f(x.scale / f(scale * count)), zeroPoint, qmin, qmax),
  };
}

function averaged(
  op: string,
  x: Operand | null | undefined,
  attrs: Attrs,
  windowsOf: WindowsOf,
  divisor: (count: number, area: number) => number,
): Tensor {
  const { xZeroPoint, zeroPoint, code } = meanRule(attrs, codesOf(x).type);
  return pooled(op, x, attrs, windowsOf, (visit, area) => {
    let sum = 0;
    let count = 0;
    visit((each) => {
      sum += each - xZeroPoint;
      count++;
    });
    return count === 0 ? zeroPoint : code(sum, divisor(count, area));
  });
}

/**
 * The mean of each window (`MeanRule`). Padding counts as zeros with `countIncludePad` 1 and not at all with 0;
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
    ...MEAN_ATTRS,
  },
  outputs: ['y'],
  infer([x], attrs) {
    const meta = inferPool(this.name, x, attrs, slidingWindows);
    checkMeanAttrs(this.name, attrs, meta.dtype);
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
  attrs: { outputSize: 'ints', ...MEAN_ATTRS },
  outputs: ['y'],
  infer([x], attrs) {
    const meta = inferPool(this.name, x, attrs, adaptiveWindows);
    checkMeanAttrs(this.name, attrs, meta.dtype);
    return [meta];
  },
  reference([x], attrs) {
    return [averaged(this.name, x, attrs, adaptiveWindows, (count) => count)];
  },
};

/** `avg_pool2d` with qparams of the result's own: ONNX's AveragePool between codes. */
export const avgPoolLinear: OpDef = {
  ...avgPool2d,
  name: 'octavo::avg_pool_linear',
  opcode: 173,
  attrs: { ...avgPool2d.attrs, ...OWN_QPARAMS },
};

/** `adaptive_avg_pool2d` with qparams of the result's own: ONNX Runtime's QLinearGlobalAveragePool, among others. */
export const adaptiveAvgPoolLinear: OpDef = {
  ...adaptiveAvgPool2d,
  name: 'octavo::adaptive_avg_pool_linear',
  opcode: 174,
  attrs: { ...adaptiveAvgPool2d.attrs, ...OWN_QPARAMS },
};
