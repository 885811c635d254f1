import { OctavoError } from '../../errors.js';
import { quantizeValue } from '../../numerics/quantize.js';
import { clamp, rint } from '../../numerics/round.js';
import { type Dims, sizeOf } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { attrList, attrNumber, shapeError } from '../check.js';
import type { Attrs, OpDef, Operand, OperandMeta } from '../op-def.js';
import { type CodesMeta, checkZeroPointAttrs, codeRange, codesMeta, codesOf, codesTensor } from './codes.js';

const f = Math.fround;

/** Elements [start, end) in steps of `step` of one axis under one output, and the window's length with its padding. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly padded: number;
}

/** The spans of every output along both axes. */
type Spans = readonly [rows: readonly Span[], columns: readonly Span[]];

/** The two numbers of a list attribute; `otherwise` where it was left out. */
function pairOf(op: string, attrs: Attrs, name: string, least: number, otherwise?: readonly number[]): number[] {
  const list = attrList(attrs, name);
  if (list.length === 0 && otherwise !== undefined) return [...otherwise];
  if (list.length === 2 && list.every((n) => Number.isInteger(n) && n >= least)) return [...list];
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `[${op}] ${name} must be two integers of ${least} or more, got [${list.join(', ')}]`,
  );
}

/** Spans of a sliding window, PyTorch's sizes: the last window of `ceilMode` starts inside the input or its padding. */
function slidingSpans(op: string, dims: Dims, attrs: Attrs): Spans {
  const kernel = pairOf(op, attrs, 'kernel', 1);
  const stride = pairOf(op, attrs, 'stride', 1, kernel);
  const padding = pairOf(op, attrs, 'padding', 0, [0, 0]);
  const dilation = pairOf(op, attrs, 'dilation', 1, [1, 1]);
  const ceil = attrNumber(attrs, 'ceilMode', 0) === 1;
  return [0, 1].map((axis) => {
    const [k, s, p, d] = [kernel[axis], stride[axis], padding[axis], dilation[axis]] as [
      number,
      number,
      number,
      number,
    ];
    const size = dims.at(axis - 2) as number;
    const reach = d * (k - 1) + 1;
    if (p > Math.floor(k / 2)) {
      throw new OctavoError('INVALID_ARGUMENT', `[${op}] padding ${p} is more than half of the kernel's ${k}`);
    }
    const room = size + 2 * p - reach;
    let count = (ceil ? Math.ceil(room / s) : Math.floor(room / s)) + 1;
    if (ceil && (count - 1) * s >= size + p) count--;
    if (room < 0 || count < 1) throw shapeError(op, `an image that holds a window of ${reach}`, dims);
    return Array.from({ length: count }, (_, i): Span => {
      const from = i * s - p;
      const start = from < 0 ? from + Math.ceil(-from / d) * d : from;
      const padded = Math.min(from + reach, size + p) - from;
      return { start, end: Math.min(from + reach, size), step: d, padded };
    });
  }) as unknown as Spans;
}

/** Spans of windows that divide each axis into so many parts: floor(i n / parts) to ceil((i + 1) n / parts). */
function adaptiveSpans(op: string, dims: Dims, attrs: Attrs): Spans {
  return pairOf(op, attrs, 'outputSize', 1).map((parts, axis) => {
    const size = dims.at(axis - 2) as number;
    if (size === 0) throw shapeError(op, 'an image with elements', dims);
    return Array.from({ length: parts }, (_, i): Span => {
      const start = Math.floor((i * size) / parts);
      const end = Math.ceil(((i + 1) * size) / parts);
      return { start, end, step: 1, padded: end - start };
    });
  }) as unknown as Spans;
}

type SpansOf = (op: string, dims: Dims, attrs: Attrs) => Spans;

function inferPool(op: string, x: OperandMeta | null | undefined, attrs: Attrs, spansOf: SpansOf): CodesMeta {
  const { dtype, dims } = codesMeta(op, 'x', x);
  if (dims.length < 3) throw shapeError(op, 'x [..., channels, height, width]', dims);
  const [rows, columns] = spansOf(op, dims, attrs);
  return { dtype, dims: [...dims.slice(0, -2), rows.length, columns.length] };
}

/** Every output of every plane is `value` of its window: the elements' indices by `each`, and the padded area. */
function pooled(
  op: string,
  x: Operand | null | undefined,
  attrs: Attrs,
  spansOf: SpansOf,
  value: (visit: (each: (code: number) => void) => void, area: number) => number,
): Tensor {
  const { type, data, dims } = codesOf(x);
  const [rows, columns] = spansOf(op, dims, attrs);
  const [height, width] = dims.slice(-2) as [number, number];
  const planes = sizeOf(dims.slice(0, -2));
  return codesTensor(type, [...dims.slice(0, -2), rows.length, columns.length], (y) => {
    let at = 0;
    for (let plane = 0; plane < planes; plane++) {
      for (const row of rows) {
        for (const column of columns) {
          const visit = (each: (code: number) => void): void => {
            for (let i = row.start; i < row.end; i += row.step) {
              const start = (plane * height + i) * width;
              for (let j = column.start; j < column.end; j += column.step) each(data[start + j] as number);
            }
          };
          y[at++] = value(visit, row.padded * column.padded);
        }
      }
    }
  });
}

/**
 * The largest code of each window: x [..., channels, height, width]; padding never wins, a window of padding alone
 * gives the lowest code. Lists hold height, width; stride defaults to the kernel. The qparams stay.
 */
export const maxPool2d: OpDef = {
  name: 'quantized::max_pool2d',
  opcode: 64,
  inputs: ['x'],
  attrs: { kernel: 'ints', stride: 'ints', padding: 'ints', dilation: 'ints', ceilMode: 'int' },
  outputs: ['y'],
  infer([x], attrs) {
    return [inferPool(this.name, x, attrs, slidingSpans)];
  },
  reference([x], attrs) {
    const { qmin } = codeRange(codesOf(x).type);
    return [
      pooled(this.name, x, attrs, slidingSpans, (visit) => {
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
  spansOf: SpansOf,
  divisor: (count: number, area: number) => number,
): Tensor {
  const zeroPoint = attrs.xZeroPoint as number;
  const range = codeRange(codesOf(x).type);
  const nchw = attrNumber(attrs, 'nchw', 0) === 1;
  return pooled(op, x, attrs, spansOf, (visit, area) => {
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
 * The mean of each window (`meanCode`): x [..., channels, height, width]. Padding counts as zeros with
 * `countIncludePad` 1 and not at all with 0; `divisor` above 0 replaces the count. The qparams stay. `nchw` 1 is
 * PyTorch's formula for tensors that are not channels-last; ours is the other one, whatever the layout.
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
    const meta = inferPool(this.name, x, attrs, slidingSpans);
    checkZeroPointAttrs(this.name, attrs, meta.dtype, 'x');
    return [meta];
  },
  reference([x], attrs) {
    const divisor = attrNumber(attrs, 'divisor', 0);
    const padded = attrNumber(attrs, 'countIncludePad', 0) === 1;
    return [
      averaged(this.name, x, attrs, slidingSpans, (count, area) => (divisor > 0 ? divisor : padded ? area : count)),
    ];
  },
};

/** The mean of each of `outputSize` (height, width) parts of the image, which may overlap; else as `avg_pool2d`. */
export const adaptiveAvgPool2d: OpDef = {
  name: 'quantized::adaptive_avg_pool2d',
  opcode: 66,
  inputs: ['x'],
  attrs: { outputSize: 'ints', xZeroPoint: 'int', nchw: 'int' },
  outputs: ['y'],
  infer([x], attrs) {
    const meta = inferPool(this.name, x, attrs, adaptiveSpans);
    checkZeroPointAttrs(this.name, attrs, meta.dtype, 'x');
    return [meta];
  },
  reference([x], attrs) {
    return [averaged(this.name, x, attrs, adaptiveSpans, (count) => count)];
  },
};
