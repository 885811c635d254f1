import { broadcastStrides, sizeOf } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { attendHead } from './attention.js';
import { attrNumber, dimsOf, floats, shapeError, tensorMeta } from './check.js';
import type { OpDef } from './op-def.js';

/**
 * Attention over heads that lie apart, PyTorch's `scaled_dot_product_attention`: q [batch, heads, queries, d],
 * k [batch, keyHeads, keys, d], v [batch, keyHeads, keys, e], mask (optional, added to the scores) broadcastable to
 * [batch, heads, queries, keys] -> [batch, heads, queries, e], float32. `groups` heads of queries in a row look at one
 * head of keys (grouped-query attention): heads = keyHeads * groups.
 * Rounds as `octavo::multi_head_attention` does.
 */
export const scaledDotProductAttention: OpDef = {
  name: 'aten::scaled_dot_product_attention',
  opcode: 84,
  inputs: ['q', 'k', 'v', 'mask?'],
  attrs: { scale: 'float', groups: 'int' },
  outputs: ['y'],
  infer([qMeta, kMeta, vMeta, maskMeta], attrs) {
    const q = tensorMeta(this.name, 'q', qMeta, 'float32').dims;
    const k = tensorMeta(this.name, 'k', kMeta, 'float32').dims;
    const v = tensorMeta(this.name, 'v', vMeta, 'float32').dims;
    const groups = attrNumber(attrs, 'groups', 1);
    const [batch, heads, queries, d] = q as [number, number, number, number];
    const [, keyHeads, keys] = k as [number, number, number];
    const e = v.at(-1) as number;
    const fits =
      q.length === 4 &&
      groups >= 1 &&
      heads === keyHeads * groups &&
      k.join() === [batch, keyHeads, keys, d].join() &&
      v.join() === [batch, keyHeads, keys, e].join();
    if (!fits) {
      const expected = `q [batch, ${groups} * n, queries, d], k [batch, n, keys, d] and v [batch, n, keys, e]`;
      throw shapeError(this.name, expected, q, k, v);
    }
    if (maskMeta) {
      const { dims } = tensorMeta(this.name, 'mask', maskMeta, 'float32');
      const target = [batch, heads, queries, keys];
      if (dims.length !== 4 || !dims.every((dim, i) => dim === 1 || dim === target[i])) {
        throw shapeError(this.name, `mask broadcastable to [${target.join(', ')}]`, dims);
      }
    }
    return [{ dtype: 'float32', dims: [batch, heads, queries, e] }];
  },
  reference([q, k, v, mask], attrs) {
    const [batch, heads, queries, d] = dimsOf(q) as [number, number, number, number];
    const [, , keys, e] = dimsOf(v) as [number, number, number, number];
    const groups = attrNumber(attrs, 'groups', 1);
    const strides = mask ? broadcastStrides(dimsOf(mask), [batch, heads, queries, keys]) : [0, 0, 0, 0];
    const [byItem, byHead, byQuery, byKey] = strides as [number, number, number, number];
    const y = new Float32Array(sizeOf([batch, heads, queries, e]));
    for (let at = 0; at < batch * heads; at++) {
      const from = Math.floor(at / groups) * keys;
      attendHead(
        { queries, keys, d, e, scale: attrNumber(attrs, 'scale', 1) },
        { data: floats(q), offset: at * queries * d, row: d, column: 1 },
        { data: floats(k), offset: from * d, row: 1, column: d },
        { data: floats(v), offset: from * e, row: e, column: 1 },
        mask
          ? {
              data: floats(mask),
              offset: Math.floor(at / heads) * byItem + (at % heads) * byHead,
              row: byQuery,
              column: byKey,
            }
          : null,
        { data: y, offset: at * queries * e, row: e },
      );
    }
    return [new Tensor('float32', y, [batch, heads, queries, e])];
  },
};
