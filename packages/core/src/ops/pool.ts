import { sizeOf } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { attrNumber, dimsOf, floats, tensorMeta } from './check.js';
import type { Attrs, OpDef, Operand, OperandMeta, TensorMeta } from './op-def.js';
import { adaptiveWindows, pool, pooledDims, slidingWindows, type WindowsOf } from './windows.js';

const f = Math.fround;

// Pools over the last 1, 2 or 3 dimensions, as many as `kernel` or `outputSize` has: x [..., channels, ...spatial],
// float32. Padding is one number an axis or [begin..., end...]; stride defaults to the kernel.

function inferPool(
  op: string,
  xMeta: OperandMeta | null | undefined,
  attrs: Attrs,
  windowsOf: WindowsOf,
): TensorMeta[] {
  const { dims } = tensorMeta(op, 'x', xMeta, 'float32');
  return [{ dtype: 'float32', dims: pooledDims(dims, windowsOf(op, dims, attrs)) }];
}

function pooled(
  op: string,
  x: Operand | null | undefined,
  attrs: Attrs,
  windowsOf: WindowsOf,
  value: (visit: (each: (x: number) => void) => void, area: number) => number,
): Tensor[] {
  const windows = windowsOf(op, dimsOf(x), attrs);
  const dims = pooledDims(dimsOf(x), windows);
  const y = new Float32Array(sizeOf(dims));
  pool(floats(x), dimsOf(x), windows, y, value);
  return [new Tensor('float32', y, dims)];
}

/**
 * The largest element of each window, the first of equal ones in row-major order; NaN wins. Padding never wins: a window
 * of padding alone gives -infinity.
 */
export const maxPool: OpDef = {
  name: 'aten::max_pool',
  opcode: 42,
  inputs: ['x'],
  attrs: { kernel: 'ints', stride: 'ints', padding: 'ints', dilation: 'ints', ceilMode: 'int' },
  outputs: ['y'],
  infer([x], attrs) {
    return inferPool(this.name, x, attrs, slidingWindows);
  },
  reference([x], attrs) {
    return pooled(this.name, x, attrs, slidingWindows, (visit) => {
      let max = Number.NEGATIVE_INFINITY;
      visit((each) => {
        if (each > max || Number.isNaN(each)) max = each;
      });
      return max;
    });
  },
};

/** The mean of each window: float32 sums from +0 in row-major order, then one division. */
function averaged(
  op: string,
  x: Operand | null | undefined,
  attrs: Attrs,
  windowsOf: WindowsOf,
  divisor: (count: number, area: number) => number,
): Tensor[] {
  return pooled(op, x, attrs, windowsOf, (visit, area) => {
    let sum = 0;
    let count = 0;
    visit((each) => {
      sum = f(sum + each);
      count++;
    });
    return count === 0 ? 0 : f(sum / divisor(count, area));
  });
}

/**
 * The mean of each window: its elements are added from +0 in row-major order, rounded to float32 each time, and the sum
 * is divided once. Padding counts as zeros with `countIncludePad` 1 and not at all with 0; `divisor` above 0 replaces
 * the count.
 */
export const avgPool: OpDef = {
  name: 'aten::avg_pool',
  opcode: 43,
  inputs: ['x'],
  attrs: {
    kernel: 'ints',
    stride: 'ints',
    padding: 'ints',
    ceilMode: 'int',
    countIncludePad: 'int',
    divisor: 'int',
  },
  outputs: ['y'],
  infer([x], attrs) {
    return inferPool(this.name, x, attrs, slidingWindows);
  },
  reference([x], attrs) {
    const divisor = attrNumber(attrs, 'divisor', 0);
    const padded = attrNumber(attrs, 'countIncludePad', 0) === 1;
    return averaged(this.name, x, attrs, slidingWindows, (count, area) =>
      divisor > 0 ? divisor : padded ? area : count,
    );
  },
};

/** The mean, as in `aten::avg_pool`, of each of `outputSize` parts of the input, which may overlap. */
export const adaptiveAvgPool: OpDef = {
  name: 'aten::adaptive_avg_pool',
  opcode: 44,
  inputs: ['x'],
  attrs: { outputSize: 'ints' },
  outputs: ['y'],
  infer([x], attrs) {
    return inferPool(this.name, x, attrs, adaptiveWindows);
  },
  reference([x], attrs) {
    return averaged(this.name, x, attrs, adaptiveWindows, (count) => count);
  },
};
