import { OctavoError } from '../../errors.js';
import { quantizeValue } from '../../numerics/quantize.js';
import { sizeOf } from '../../tensor/shape.js';
import { attrList, attrNumber, shapeError } from '../check.js';
import type { Attrs, OpDef, OperandMeta } from '../op-def.js';
import { bilinear, nearestIndices } from '../resampling.js';
import { type CodesMeta, checkZeroPointAttrs, codeRange, codesMeta, codesOf, codesTensor } from './codes.js';

const f = Math.fround;

// Images of another size, [..., height, width]; the qparams stay. Where outputs lie: `resampling.ts`.

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

/** Codes copied from the nearest pixel (`nearestIndices`). */
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
    const { type, data, dims } = codesOf(x);
    const size = attrList(attrs, 'size') as [number, number];
    const [height, width] = dims.slice(-2) as [number, number];
    const [rows, columns] = [nearestIndices(height, size[0]), nearestIndices(width, size[1])];
    const planes = sizeOf(dims.slice(0, -2));
    return [
      codesTensor(type, [...dims.slice(0, -2), ...size], (y) => {
        let at = 0;
        for (let plane = 0; plane < planes; plane++) {
          for (const row of rows) {
            const start = (plane * height + row) * width;
            for (const column of columns) y[at++] = data[start + column] as number;
          }
        }
      }),
    ];
  },
};

/**
 * Bilinear interpolation of codes (`bilinear`): zeroPoint + rint(value - zeroPoint). ATen's quantized UpSampleBilinear2d.
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
    const [from, to] = [dims.slice(-2), attrList(attrs, 'size')] as [[number, number], [number, number]];
    const corners = attrNumber(attrs, 'alignCorners', 0) === 1;
    return [
      codesTensor(type, [...dims.slice(0, -2), ...to], (y) =>
        bilinear(data, sizeOf(dims.slice(0, -2)), from, to, corners, (at, value) => {
          y[at] = quantizeValue(f(value - zeroPoint), 1, zeroPoint, qmin, qmax);
        }),
      ),
    ];
  },
};
