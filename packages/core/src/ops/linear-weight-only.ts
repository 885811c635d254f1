import { OctavoError } from '../errors.js';
import { sizeOf } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { checkActivation } from './activation.js';
import { attrNumber, dimsOf, floats, shapeError, tensorMeta } from './check.js';
import { linear } from './linear.js';
import type { Attrs, OpDef, Operand } from './op-def.js';

const f = Math.fround;

/**
 * A float linear over a weight stored in 8 or 4 bits: x float32 [..., in], codes uint8 [out, in * bits / 8] (below 8 bits
 * two in a byte, the first in the lower half), scales float32 and zeroPoints uint8 [out, groups] for every `groupSize`
 * inputs, the last group may be shorter, bias? float32 [out] -> float32 [..., out].
 * weight = (code - zeroPoint) * scale, rounded once; then `aten::linear`: one FMA chain in ascending k for each output.
 */
export const linearWeightOnly: OpDef = {
  name: 'octavo::linear_weight_only',
  opcode: 192,
  inputs: ['x', 'codes', 'scales', 'zeroPoints', 'bias?'],
  attrs: { bits: 'int', groupSize: 'int', activation: 'int' },
  outputs: ['y'],
  infer([xMeta, codesMeta, scalesMeta, zeroPointsMeta, biasMeta], attrs) {
    checkActivation(this.name, attrs);
    const x = tensorMeta(this.name, 'x', xMeta, 'float32');
    const codes = tensorMeta(this.name, 'codes', codesMeta, 'uint8');
    const { perByte, groupSize } = layoutOf(this.name, attrs);
    const [out, bytes] = codes.dims as [number, number];
    const columns = bytes * perByte;
    if (codes.dims.length !== 2 || x.dims.length < 1 || x.dims.at(-1) !== columns) {
      throw shapeError(this.name, `x [..., in] and codes [out, in / ${perByte}]`, x.dims, codes.dims);
    }
    const groups = Math.ceil(columns / groupSize);
    const scales = tensorMeta(this.name, 'scales', scalesMeta, 'float32');
    const zeroPoints = tensorMeta(this.name, 'zeroPoints', zeroPointsMeta, 'uint8');
    if (scales.dims.join() !== [out, groups].join() || zeroPoints.dims.join() !== [out, groups].join()) {
      throw shapeError(this.name, `scales and zero points [${out}, ${groups}]`, scales.dims, zeroPoints.dims);
    }
    if (biasMeta) {
      const bias = tensorMeta(this.name, 'bias', biasMeta, 'float32');
      if (bias.dims.join() !== String(out)) throw shapeError(this.name, `bias [${out}]`, bias.dims);
    }
    return [{ dtype: 'float32', dims: [...x.dims.slice(0, -1), out] }];
  },
  reference([x, codes, scales, zeroPoints, bias], attrs) {
    const weight = dequantizeGroups(this.name, [codes, scales, zeroPoints], attrs);
    return linear.reference([x as Tensor, weight, bias ?? null], { activation: attrNumber(attrs, 'activation', 0) });
  },
};

/** The float32 weight [out, in] that codes in groups stand for. */
export function dequantizeGroups(
  op: string,
  [codes, scales, zeroPoints]: readonly (Operand | null | undefined)[],
  attrs: Attrs,
): Tensor<'float32'> {
  const { bits, perByte, groupSize } = layoutOf(op, attrs);
  const [out, bytes] = dimsOf(codes) as [number, number];
  const columns = bytes * perByte;
  const groups = Math.ceil(columns / groupSize);
  const bytesOf = (operand: Operand | null | undefined): Uint8Array => (operand as Tensor<'uint8'>).raw.data;
  const weight = new Float32Array(sizeOf([out, columns]));
  for (let row = 0; row < out; row++) {
    for (let column = 0; column < columns; column++) {
      const group = row * groups + Math.floor(column / groupSize);
      const byte = bytesOf(codes)[row * bytes + Math.floor(column / perByte)] as number;
      const code = (byte >> ((column % perByte) * bits)) & (2 ** bits - 1);
      weight[row * columns + column] = f(
        (code - (bytesOf(zeroPoints)[group] as number)) * (floats(scales)[group] as number),
      );
    }
  }
  return new Tensor('float32', weight, [out, columns]);
}

function layoutOf(op: string, attrs: Attrs): { bits: number; perByte: number; groupSize: number } {
  const bits = attrNumber(attrs, 'bits', 8);
  const groupSize = attrNumber(attrs, 'groupSize', 0);
  if ((bits === 8 || bits === 4) && Number.isInteger(groupSize) && groupSize > 0) {
    return { bits, perByte: 8 / bits, groupSize };
  }
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `[${op}] bits must be 8 or 4 and groupSize a positive integer, got ${bits} and ${groupSize}`,
  );
}
