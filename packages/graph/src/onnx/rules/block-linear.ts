import { Tensor } from '@octavo/core';
import type { RuleContext } from '../../import/rule.js';
import { blockWeightOf } from '../../ir/block-weight.js';
import type { Node } from '../../ir/node.js';
import type { Value } from '../../ir/value.js';

/**
 * x times a matrix of codes in blocks of its inputs, [in, out] or, `transposed`, [out, in], as
 * `octavo::linear_weight_only`: in 4 bits where all codes and zero points have no more, which is all that is known of
 * them here. Null where the blocks lie along the outputs.
 */
export function blockLinear(
  n: RuleContext,
  x: Value,
  weight: Node,
  { transposed, bias }: { transposed: boolean; bias: Value | null },
): Value | null {
  const found = blockWeightOf(weight);
  if (found === undefined || found.axis !== (transposed ? 1 : 0)) return null;
  const { codes, scales, zeroPoints, blockSize } = found;
  const [rows, columns] = codes.raw.dims as [number, number];
  const [out, width] = transposed ? [rows, columns] : [columns, rows];
  const groups = Math.ceil(width / blockSize);
  const isNarrow = width % 2 === 0 && [codes, zeroPoints].every((tensor) => tensor === null || hasFourBits(tensor));
  const bits = isNarrow ? 4 : 8;
  const shift = codes.type === 'int8' ? 2 ** (bits - 1) : 0;
  const zeros = turned(zeroPoints?.raw.data, [out, groups], transposed, (code) => code + shift);
  const factors = new Float32Array(out * groups);
  for (const [i, at] of places([out, groups], transposed)) factors[i] = scales.raw.data[at] as number;
  const inputs = [
    x,
    parameter(
      n,
      'codes',
      packed(
        turned(codes.raw.data, [out, width], transposed, (code) => code + shift),
        bits,
        out,
      ),
    ),
    parameter(n, 'scales', new Tensor('float32', factors, [out, groups])),
    parameter(n, 'zero_points', new Tensor('uint8', zeros, [out, groups])),
    bias,
  ];
  return n.op('octavo::linear_weight_only', inputs, { bits, groupSize: blockSize, activation: 0 });
}

function parameter(n: RuleContext, name: string, tensor: Tensor): Value {
  return n.builder.parameter(n.builder.scope === '' ? name : `${n.builder.scope}.${name}`, tensor);
}

/** uint8 codes up to 15, or int8 ones from -8 to 7. */
function hasFourBits({ type, raw }: Tensor): boolean {
  const low = type === 'int8' ? -8 : 0;
  return (raw.data as Uint8Array | Int8Array).every((code) => code >= low && code < low + 16);
}

/** Each place of a matrix [rows, columns] and where its element lies in a file's matrix, which may be [columns, rows]. */
function* places([rows, columns]: readonly [number, number], transposed: boolean): Generator<[number, number]> {
  for (let i = 0, row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, i++) yield [i, transposed ? i : column * rows + row];
  }
}

/** A file's matrix as [rows, columns] of unsigned codes; zeros' where it is left out. */
function turned(
  data: ArrayLike<number | bigint> | undefined,
  dims: readonly [number, number],
  transposed: boolean,
  unsigned: (code: number) => number,
): Uint8Array {
  const codes = new Uint8Array(dims[0] * dims[1]);
  for (const [i, at] of places(dims, transposed)) codes[i] = unsigned(data === undefined ? 0 : Number(data[at]));
  return codes;
}

/** Codes of 4 bits two in a byte, the first in the lower half. */
function packed(codes: Uint8Array, bits: number, out: number): Tensor<'uint8'> {
  const bytes = bits === 8 ? codes : new Uint8Array(codes.length / 2);
  if (bits === 4) {
    for (let i = 0; i < bytes.length; i++) bytes[i] = (codes[2 * i] as number) | ((codes[2 * i + 1] as number) << 4);
  }
  return new Tensor('uint8', bytes, [out, bytes.length / out]);
}
