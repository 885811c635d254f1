import { OctavoError } from '../../errors.js';
import { quantizeValue } from '../../numerics/quantize.js';
import { sizeOf } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { attrList, attrNumber, shapeError } from '../check.js';
import type { Attrs, OpDef, Operand, OperandMeta } from '../op-def.js';
import { type CodesMeta, checkZeroPointAttrs, codeRange, codesMeta, codesOf, codesTensor } from './codes.js';

const f = Math.fround;

// Images of another size, [..., height, width]; the qparams stay. Positions are float32, as in ATen's UpSample.h.

function inferResize(op: string, xMeta: OperandMeta | null | undefined, attrs: Attrs): CodesMeta {
  const { dtype, dims } = codesMeta(op, 'x', xMeta);
  if (dims.length < 3 || sizeOf(dims.slice(-2)) === 0) {
    throw shapeError(op, 'x [..., channels, height, width] with pixels', dims);
  }
  const size = attrList(attrs, 'size');
  if (size.length !== 2 || !size.every((n) => Number.isInteger(n) && n >= 1)) {
    const got = `[${size.join(', ')}]`;
    throw new OctavoError('INVALID_ARGUMENT', `[${op}] size must be two integers of 1 or more, got ${got}`);
  }
  return { dtype, dims: [...dims.slice(0, -2), ...size] };
}

/** Every output pixel by `pixel`, which gets the offset of its plane, and its row and column. */
function resized(
  x: Operand | null | undefined,
  attrs: Attrs,
  pixel: (plane: number, row: number, column: number) => number,
): Tensor[] {
  const { type, dims } = codesOf(x);
  const [height, width] = attrList(attrs, 'size') as [number, number];
  const planes = sizeOf(dims.slice(0, -2));
  const area = sizeOf(dims.slice(-2));
  return [
    codesTensor(type, [...dims.slice(0, -2), height, width], (y) => {
      let at = 0;
      for (let plane = 0; plane < planes; plane++)
        for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) y[at++] = pixel(plane * area, i, j);
    }),
  ];
}

/** Codes copied from the nearest pixel: output i takes min(floor(f(i * f(in / out))), in - 1) (ATen's legacy `nearest`). */
export const upsampleNearest2d: OpDef = {
  name: 'quantized::upsample_nearest2d',
  opcode: 68,
  inputs: ['x'],
  attrs: { size: 'ints' },
  outputs: ['y'],
  infer([x], attrs) {
    return [inferResize(this.name, x, attrs)];
  },
  reference([x], attrs) {
    const { data, dims } = codesOf(x);
    const size = attrList(attrs, 'size');
    const [rows, columns] = [0, 1].map((axis) => {
      const from = dims.at(axis - 2) as number;
      const scale = f(from / (size[axis] as number));
      return Array.from({ length: size[axis] as number }, (_, i) => Math.min(Math.floor(f(i * scale)), from - 1));
    }) as [number[], number[]];
    const width = dims.at(-1) as number;
    return resized(
      x,
      attrs,
      (plane, i, j) => data[plane + (rows[i] as number) * width + (columns[j] as number)] as number,
    );
  },
};

/** Where one output lies between two inputs: their indices and weights. */
interface Between {
  readonly near: number;
  readonly far: number;
  readonly nearWeight: number;
  readonly farWeight: number;
}

function betweens(from: number, to: number, alignCorners: boolean): Between[] {
  const scale = alignCorners ? (to > 1 ? f((from - 1) / (to - 1)) : 0) : f(from / to);
  return Array.from({ length: to }, (_, i) => {
    const position = alignCorners ? f(scale * i) : Math.max(f(f(scale * f(i + 0.5)) - 0.5), 0);
    const near = Math.min(Math.trunc(position), from - 1);
    const farWeight = f(position - near);
    return { near, far: Math.min(near + 1, from - 1), nearWeight: f(1 - farWeight), farWeight };
  });
}

/**
 * Bilinear interpolation of codes: with weights in float32, rounded after every operation,
 * zeroPoint + rint(h0 (w0 p00 + w1 p01) + h1 (w0 p10 + w1 p11) - zeroPoint). ATen's quantized UpSampleBilinear2d.
 */
export const upsampleBilinear2d: OpDef = {
  name: 'quantized::upsample_bilinear2d',
  opcode: 69,
  inputs: ['x'],
  attrs: { size: 'ints', alignCorners: 'int', xZeroPoint: 'int' },
  outputs: ['y'],
  infer([x], attrs) {
    const meta = inferResize(this.name, x, attrs);
    checkZeroPointAttrs(this.name, attrs, meta.dtype, 'x');
    return [meta];
  },
  reference([x], attrs) {
    const { type, data, dims } = codesOf(x);
    const { qmin, qmax } = codeRange(type);
    const zeroPoint = attrs.xZeroPoint as number;
    const size = attrList(attrs, 'size');
    const [rows, columns] = [0, 1].map((axis) =>
      betweens(dims.at(axis - 2) as number, size[axis] as number, attrNumber(attrs, 'alignCorners', 0) === 1),
    ) as [Between[], Between[]];
    const width = dims.at(-1) as number;
    return resized(x, attrs, (plane, i, j) => {
      const row = rows[i] as Between;
      const column = columns[j] as Between;
      const mixed = (line: number): number => {
        const start = plane + line * width;
        const near = f(column.nearWeight * (data[start + column.near] as number));
        return f(near + f(column.farWeight * (data[start + column.far] as number)));
      };
      const value = f(f(row.nearWeight * mixed(row.near)) + f(row.farWeight * mixed(row.far)));
      return quantizeValue(f(value - zeroPoint), 1, zeroPoint, qmin, qmax);
    });
  },
};
