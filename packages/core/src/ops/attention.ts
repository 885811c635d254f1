import { gemm, type MatrixView } from '../numerics/gemm.js';
import { broadcastStrides } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { attrNumber, dimsOf, floats, shapeError, tensorMeta } from './check.js';
import { softmaxRow } from './normalize.js';
import type { OpDef } from './op-def.js';

const f = Math.fround;

/**
 * Multi-head attention over heads that lie side by side in the last dimension, without any transposed copy:
 * q [batch, queries, heads * d], k and v [batch, keys, heads * d], mask (optional, added to the scores) broadcastable
 * to [batch, heads, queries, keys] -> [batch, queries, heads * d], float32.
 * Rounds exactly as its parts do: matmul, multiplication by `scale`, add, softmax, matmul. A masked key (score below
 * the maximum by more than 104) has probability 0 and so leaves every bit of the result alone.
 */
export const attention: OpDef = {
  name: 'octavo::multi_head_attention',
  opcode: 7,
  inputs: ['q', 'k', 'v', 'mask?'],
  attrs: { heads: 'int', scale: 'float' },
  outputs: ['y'],
  infer([qMeta, kMeta, vMeta, maskMeta], attrs) {
    const q = tensorMeta(this.name, 'q', qMeta, 'float32');
    const k = tensorMeta(this.name, 'k', kMeta, 'float32');
    const v = tensorMeta(this.name, 'v', vMeta, 'float32');
    const heads = attrNumber(attrs, 'heads', 1);
    const [batch, queries, width] = q.dims as [number, number, number];
    const keys = k.dims[1] as number;
    const kv = [batch, keys, width].join();
    if (q.dims.length !== 3 || k.dims.join() !== kv || v.dims.join() !== kv || heads < 1 || width % heads !== 0) {
      throw shapeError(
        this.name,
        `q [batch, queries, ${heads} * d], k and v [batch, keys, ${heads} * d]`,
        q.dims,
        k.dims,
        v.dims,
      );
    }
    if (maskMeta) {
      const { dims } = tensorMeta(this.name, 'mask', maskMeta, 'float32');
      const target = [batch, heads, queries, keys];
      if (dims.length !== 4 || !dims.every((d, i) => d === 1 || d === target[i])) {
        throw shapeError(this.name, `mask broadcastable to [${target.join(', ')}]`, dims);
      }
    }
    return [q];
  },
  reference([q, k, v, mask], attrs) {
    const [batch, queries, width] = dimsOf(q) as [number, number, number];
    const keys = dimsOf(k)[1] as number;
    const heads = attrNumber(attrs, 'heads', 1);
    const d = width / heads;
    const strides = mask ? broadcastStrides(dimsOf(mask), [batch, heads, queries, keys]) : [0, 0, 0, 0];
    const [byItem, byHead, byQuery, byKey] = strides as [number, number, number, number];
    const y = new Float32Array(batch * queries * width);
    for (let item = 0; item < batch; item++) {
      for (let head = 0; head < heads; head++) {
        const own = { offset: item * queries * width + head * d, row: width };
        const other = item * keys * width + head * d;
        attendHead(
          { queries, keys, d, e: d, scale: attrNumber(attrs, 'scale', 1) },
          { data: floats(q), ...own, column: 1 },
          { data: floats(k), offset: other, row: 1, column: width },
          { data: floats(v), offset: other, row: width, column: 1 },
          mask ? { data: floats(mask), offset: item * byItem + head * byHead, row: byQuery, column: byKey } : null,
          { data: y, ...own },
        );
      }
    }
    return [new Tensor('float32', y, [batch, queries, width])];
  },
};

/**
 * One head: y [queries, e] = softmax(q k * scale + mask) v, of q [queries, d], k [d, keys] and v [keys, e]. Rounds after
 * each of its parts.
 */
export function attendHead(
  { queries, keys, d, e, scale }: { queries: number; keys: number; d: number; e: number; scale: number },
  q: MatrixView,
  k: MatrixView,
  v: MatrixView,
  mask: MatrixView | null,
  y: { data: Float32Array; offset: number; row: number },
): void {
  const scores = new Float32Array(queries * keys);
  const factor = f(scale);
  gemm({ m: queries, n: keys, k: d }, q, k, { data: scores, offset: 0, row: keys });
  for (let i = 0; i < queries; i++) {
    for (let j = 0; j < keys; j++) {
      const scaled = f((scores[i * keys + j] as number) * factor);
      scores[i * keys + j] =
        mask === null ? scaled : f(scaled + (mask.data[mask.offset + i * mask.row + j * mask.column] as number));
    }
    softmaxRow(scores, i * keys, keys, 1);
  }
  gemm({ m: queries, n: e, k: keys }, { data: scores, offset: 0, row: keys, column: 1 }, v, y);
}
