import { OctavoError } from '../errors.js';
import { sizeOf } from '../tensor/shape.js';
import { denseStrides } from '../tensor/strided.js';
import { Tensor } from '../tensor/tensor.js';
import { attrList, attrNumber, dimsOf, floats, shapeError, tensorMeta } from './check.js';
import type { Attrs, OpDef, OperandMeta, TensorMeta } from './op-def.js';
import { bilinear, nearestIndices } from './resampling.js';

// Images of another size: x [..., channels, ...spatial], float32, as many spatial dimensions as `size` has.

function inferResize(
  op: string,
  xMeta: OperandMeta | null | undefined,
  attrs: Attrs,
  ranks: readonly number[],
): TensorMeta[] {
  const { dims } = tensorMeta(op, 'x', xMeta, 'float32');
  const size = attrList(attrs, 'size');
  if (!ranks.includes(size.length) || !size.every((n) => Number.isSafeInteger(n) && n >= 1)) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[${op}] size must be ${ranks.join(', ')} integers of 1 or more, got [${size.join(', ')}]`,
    );
  }
  const leading = dims.length - size.length;
  if (leading < 1 || sizeOf(dims.slice(leading)) === 0) {
    const axes = ['depth', 'height', 'width'].slice(-size.length).join(', ');
    throw shapeError(op, `x [..., channels, ${axes}] with elements`, dims);
  }
  return [{ dtype: 'float32', dims: [...dims.slice(0, leading), ...size] }];
}

/** Each output is the input nearest to it along every axis (`nearestIndices`). */
export const upsampleNearest: OpDef = {
  name: 'aten::upsample_nearest',
  opcode: 77,
  inputs: ['x'],
  attrs: { size: 'ints' },
  outputs: ['y'],
  infer([x], attrs) {
    return inferResize(this.name, x, attrs, [1, 2, 3]);
  },
  reference([x], attrs) {
    const dims = dimsOf(x);
    const size = attrList(attrs, 'size');
    const leading = dims.length - size.length;
    const strides = denseStrides(dims);
    // Offsets in one plane, for every output: one axis after the other.
    const offsets = size.reduce<readonly number[]>(
      (before, to, axis) => {
        const stride = strides[leading + axis] as number;
        const steps = nearestIndices(dims[leading + axis] as number, to).map((i) => i * stride);
        return before.flatMap((offset) => steps.map((step) => offset + step));
      },
      [0],
    );
    const data = floats(x);
    const plane = sizeOf(dims.slice(leading));
    const y = new Float32Array((data.length / plane) * offsets.length);
    for (let start = 0, at = 0; start < data.length; start += plane) {
      for (const offset of offsets) y[at++] = data[start + offset] as number;
    }
    return [new Tensor('float32', y, [...dims.slice(0, leading), ...size])];
  },
};

/** Bilinear interpolation of images [..., channels, height, width]; the formula is `bilinear`. */
export const upsampleBilinear: OpDef = {
  name: 'aten::upsample_bilinear',
  opcode: 78,
  inputs: ['x'],
  attrs: { size: 'ints', alignCorners: 'int' },
  outputs: ['y'],
  infer([x], attrs) {
    return inferResize(this.name, x, attrs, [2]);
  },
  reference([x], attrs) {
    const dims = dimsOf(x);
    const [from, to] = [dims.slice(-2), attrList(attrs, 'size')] as [[number, number], [number, number]];
    const leading = dims.slice(0, -2);
    const y = new Float32Array(sizeOf(leading) * sizeOf(to));
    bilinear(floats(x), sizeOf(leading), from, to, attrNumber(attrs, 'alignCorners', 0) === 1, (at, value) => {
      y[at] = value;
    });
    return [new Tensor('float32', y, [...leading, ...to])];
  },
};
