import { Tensor } from '@octavo/core';
import type { Rule, RuleContext } from '../../import/rule.js';
import type { Value } from '../../ir/value.js';

/**
 * com.microsoft MatMulNBits: x [..., K], codes uint8 [N, blocks, block_size * bits / 8] (two of 4 bits in a byte, the first in
 * the lower half), scales [N, blocks], zero points packed alike (2^(bits - 1) without), bias [N]: what
 * `octavo::linear_weight_only` takes, whose last block may be shorter. ONNX Runtime may quantize x besides, as its
 * `accuracy_level` allows; here x stays as it is.
 */
export const matmulNBits: Rule = (n) => {
  const [bits, size] = [n.attr('bits', 4), n.attr('block_size')];
  const [columns, out] = [n.attr('K'), n.attr('N')];
  if (bits !== 4 && bits !== 8) throw n.unsupported(`${bits} bits`);
  if (n.optional(4) !== null) throw n.unsupported('a group index (g_idx)');
  const blocks = Math.ceil(columns / size);
  const perByte = 8 / bits;
  const codes = rowsOf(n, constant(n, 1), out, Math.ceil((blocks * size) / perByte), Math.ceil(columns / perByte));
  const scales = constant(n, 2);
  if (scales.type !== 'float32' || scales.raw.data.length !== out * blocks)
    throw n.fault(`scales of ${out} x ${blocks}`);
  const inputs = [
    n.input(0),
    n.builder.parameter(named(n, 'codes'), codes),
    n.builder.parameter(named(n, 'scales'), new Tensor('float32', scales.raw.data as Float32Array, [out, blocks])),
    n.builder.parameter(named(n, 'zero_points'), zeroPointsOf(n, out, blocks, bits)),
    n.optional(5),
  ];
  return n.op('octavo::linear_weight_only', inputs, { bits, groupSize: size, activation: 0 });
};

function constant(n: RuleContext, index: number): Tensor {
  const tensor = n.builder.tensor(n.input(index) as Value);
  if (tensor === undefined) throw n.unsupported('a weight that is computed');
  return tensor;
}

function named(n: RuleContext, name: string): string {
  return n.builder.scope === '' ? name : `${n.builder.scope}.${name}`;
}

/** Of each row the first bytes: blocks are padded to their full size in the file. */
function rowsOf(n: RuleContext, { type, raw }: Tensor, rows: number, given: number, kept: number): Tensor {
  if (type !== 'uint8' || raw.data.length !== rows * given) throw n.fault(`codes of ${rows} x ${given} bytes`);
  const data = raw.data as Uint8Array;
  if (given === kept) return new Tensor('uint8', data, [rows, kept]);
  const cut = new Uint8Array(rows * kept);
  for (let row = 0; row < rows; row++) cut.set(data.subarray(row * given, row * given + kept), row * kept);
  return new Tensor('uint8', cut, [rows, kept]);
}

/** One for each block, unpacked. */
function zeroPointsOf(n: RuleContext, rows: number, blocks: number, bits: number): Tensor {
  const zeros = new Uint8Array(rows * blocks).fill(2 ** (bits - 1));
  if (n.optional(3) !== null) {
    const { type, raw } = constant(n, 3);
    const perByte = 8 / bits;
    const bytes = Math.ceil(blocks / perByte);
    if (type !== 'uint8') throw n.unsupported(`zero points of ${type}`);
    if (raw.data.length !== rows * bytes) throw n.fault(`zero points of ${rows} x ${bytes} bytes`);
    zeros.forEach((_, i) => {
      const [row, block] = [Math.floor(i / blocks), i % blocks];
      const byte = raw.data[row * bytes + Math.floor(block / perByte)] as number;
      zeros[i] = (byte >> ((block % perByte) * bits)) & (2 ** bits - 1);
    });
  }
  return new Tensor('uint8', zeros, [rows, blocks]);
}
