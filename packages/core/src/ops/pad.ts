import { OctavoError } from '../errors.js';
import { type Dims, sizeOf } from '../tensor/shape.js';
import { denseStrides, forEachIndex } from '../tensor/strided.js';
import { Tensor } from '../tensor/tensor.js';
import { attrList, attrNumber, checkRank, dimsOf, floats, shapeError, tensorMeta } from './check.js';
import type { Attrs, OpDef } from './op-def.js';
import { checkZeroPointAttrs, codesMeta, codesOf, codesTensor } from './quantized/codes.js';

/** [left, right, top, bottom, ...], the last dim first, as the attribute [begin..., end...]. */
export function paddingAttr(padding: readonly number[]): number[] {
  if (padding.length % 2 !== 0) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[pad] expected two numbers for each padded dim, [left, right, top, bottom, ...], got [${padding.join(', ')}]`,
    );
  }
  const side = (end: number): number[] => padding.filter((_, i) => i % 2 === end).reverse();
  return [...side(0), ...side(1)];
}

/** Elements put before and behind each dim; negative ones take elements away. */
interface Margins {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

function marginsOf(op: string, dims: Dims, attrs: Attrs): Margins {
  const padding = attrList(attrs, 'padding');
  const axes = padding.length / 2;
  if (!Number.isInteger(axes) || !padding.every(Number.isSafeInteger)) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[${op}] padding must be integers [begin..., end...], two for each padded dim, got [${padding.join(', ')}]`,
    );
  }
  if (axes > dims.length) throw shapeError(op, `x of rank ${axes} or more`, dims);
  const none = new Array<number>(dims.length - axes).fill(0);
  return { before: [...none, ...padding.slice(0, axes)], after: [...none, ...padding.slice(axes)] };
}

function paddedDims(op: string, dims: Dims, attrs: Attrs): number[] {
  const { before, after } = marginsOf(op, dims, attrs);
  const padded = dims.map((dim, axis) => dim + (before[axis] as number) + (after[axis] as number));
  if (padded.some((dim) => dim < 0)) {
    throw shapeError(
      op,
      `x no smaller than what the padding [${attrList(attrs, 'padding').join(', ')}] takes away`,
      dims,
    );
  }
  return padded;
}

/** `data` of these dims in the middle of `y`, which is filled with the padding already. */
function copyInto<A extends Float32Array | Uint8Array | Int8Array>(
  op: string,
  y: A,
  data: A,
  dims: Dims,
  attrs: Attrs,
): void {
  const to = paddedDims(op, dims, attrs);
  const { before } = marginsOf(op, dims, attrs);
  const [fromStrides, toStrides] = [denseStrides(dims), denseStrides(to)];
  // What of x stays: [first, first + count) of each dim.
  const first = before.map((n) => Math.max(0, -n));
  const counts = to.map((dim, axis) => {
    const shift = before[axis] as number;
    return Math.max(0, Math.min(dims[axis] as number, dim - shift) - (first[axis] as number));
  });
  const dot = (index: readonly number[], strides: readonly number[]): number =>
    index.reduce((sum, i, axis) => sum + i * (strides[axis] as number), 0);
  const from = dot(first, fromStrides);
  const at = dot(
    first.map((i, axis) => i + (before[axis] as number)),
    toStrides,
  );
  const run = counts.at(-1) ?? 1;
  if (run === 0) return;
  forEachIndex(counts.slice(0, -1), [fromStrides, toStrides], ([source, target]) => {
    const start = from + (source as number);
    y.set(data.subarray(start, start + run) as never, at + (target as number));
  });
}

/**
 * x with `value` around its last dims, float32: padding is [begin..., end...] of as many dims as it has pairs; negative
 * numbers take elements away.
 */
export const pad: OpDef = {
  name: 'aten::pad',
  opcode: 90,
  inputs: ['x'],
  attrs: { padding: 'ints', value: 'float' },
  outputs: ['y'],
  infer([xMeta], attrs) {
    const x = tensorMeta(this.name, 'x', xMeta, 'float32');
    return [{ dtype: 'float32', dims: paddedDims(this.name, checkRank(this.name, x.dims), attrs) }];
  },
  reference([x], attrs) {
    const dims = dimsOf(x);
    const to = paddedDims(this.name, dims, attrs);
    const y = new Float32Array(sizeOf(to)).fill(attrNumber(attrs, 'value', 0));
    copyInto(this.name, y, floats(x), dims, attrs);
    return [new Tensor('float32', y, to)];
  },
};

/** Codes with the zero point around their last dims: `aten::pad` with the value 0, exactly. */
export const quantizedPad: OpDef = {
  name: 'quantized::pad',
  opcode: 95,
  inputs: ['x'],
  attrs: { padding: 'ints', xZeroPoint: 'int' },
  outputs: ['y'],
  infer([xMeta], attrs) {
    const { dtype, dims } = codesMeta(this.name, 'x', xMeta);
    checkZeroPointAttrs(this.name, attrs, dtype, 'x');
    return [{ dtype, dims: paddedDims(this.name, checkRank(this.name, dims), attrs) }];
  },
  reference([x], attrs) {
    const { type, data, dims } = codesOf(x);
    return [
      codesTensor(type, paddedDims(this.name, dims, attrs), (y) => {
        y.fill(attrs.xZeroPoint as number);
        copyInto(this.name, y, data, dims, attrs);
      }),
    ];
  },
};
