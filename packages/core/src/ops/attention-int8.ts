import { chooseQParams, finiteRange } from '../numerics/choose-qparams.js';
import { inverseScale, quantizeFused } from '../numerics/quantize.js';
import { clamp, rint } from '../numerics/round.js';
import { broadcastStrides } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { attention } from './attention.js';
import { attrNumber, dimsOf, floats } from './check.js';
import { softmaxRow } from './normalize.js';
import type { OpDef } from './op-def.js';

const f = Math.fround;

/** A key whose mask is at most this for every query is padding. */
const MASKED = -1000;

/**
 * `octavo::multi_head_attention` with both matmuls over codes: the same operands, attributes and result.
 * - Q: uint8, one range for each token and head, as dynamic linears quantize a row.
 * - K: int8 symmetric, scale max|k| / 127 for each token and head.
 * - scores: f(f(acc) * f(scaleQ * scaleK)), times `scale`, plus mask; softmax in float32.
 * - probabilities: uint8 from 0, scale max(p) / 255 for each query: attention that is spread over many keys keeps its steps.
 * - V: int8 symmetric, scale max|v| / 127 for each batch item, head and channel, over the keys that are not masked for
 *   every query (mask above -1000).
 * - y = f(f(acc) * f(scaleP * scaleV)).
 * A masked key has the probability code 0, so that a sentence has the same bits at any padding.
 */
export const attentionInt8: OpDef = {
  name: 'octavo::multi_head_attention_int8',
  opcode: 191,
  inputs: ['q', 'k', 'v', 'mask?'],
  attrs: { heads: 'int', scale: 'float' },
  outputs: ['y'],
  infer(inputs, attrs) {
    return attention.infer.call(this, inputs, attrs);
  },
  reference([q, k, v, mask], attrs) {
    const [batch, queries, width] = dimsOf(q) as [number, number, number];
    const keys = dimsOf(k)[1] as number;
    const heads = attrNumber(attrs, 'heads', 1);
    const scale = f(attrNumber(attrs, 'scale', 1));
    const d = width / heads;
    const [sb, sh, sq, sk] = (mask ? broadcastStrides(dimsOf(mask), [batch, heads, queries, keys]) : [0, 0, 0, 0]) as [
      number,
      number,
      number,
      number,
    ];
    const masks = mask ? floats(mask) : null;
    const scores = new Float32Array(queries * keys);
    const y = new Float32Array(batch * queries * width);
    for (let item = 0; item < batch; item++) {
      for (let head = 0; head < heads; head++) {
        const bias = (i: number, j: number): number =>
          masks === null ? 0 : (masks[item * sb + head * sh + i * sq + j * sk] as number);
        const at = (token: number, tokens: number): number => (item * tokens + token) * width + head * d;
        const [a, b] = [tokenRows(floats(q), queries, d, at), symmetricRows(floats(k), keys, d, at)];
        for (let i = 0; i < queries; i++) {
          for (let j = 0; j < keys; j++) {
            let sum = 0;
            for (let c = 0; c < d; c++) {
              sum += ((a.codes[i * d + c] as number) - (a.zeroPoints[i] as number)) * (b.codes[j * d + c] as number);
            }
            const scaled = f(f(f(sum) * f((a.scales[i] as number) * (b.scales[j] as number))) * scale);
            scores[i * keys + j] = masks === null ? scaled : f(scaled + bias(i, j));
          }
          softmaxRow(scores, i * keys, keys, 1);
        }
        const used = Array.from({ length: keys }, (_, j) => j).filter(
          (j) => masks === null || Array.from({ length: queries }, (_, i) => i).some((i) => bias(i, j) > MASKED),
        );
        const probabilities = new Uint8Array(queries * keys);
        const scales = Float32Array.from({ length: queries }, (_, i) => {
          const row = scores.subarray(i * keys, (i + 1) * keys);
          const scale = codeScale(keys, 255, (j) => row[j] as number);
          row.forEach((p, j) => {
            probabilities[i * keys + j] = clamp(rint(f(p * inverseScale(scale))), 0, 255);
          });
          return scale;
        });
        for (let c = 0; c < d; c++) {
          const value = (j: number): number => floats(v)[at(j, keys) + c] as number;
          const scaleV = codeScale(used.length, 127, (n) => value(used[n] as number));
          const codes = Array.from({ length: keys }, (_, j) => symmetricCode(value(j), inverseScale(scaleV)));
          for (let i = 0; i < queries; i++) {
            let sum = 0;
            for (let j = 0; j < keys; j++) sum += (probabilities[i * keys + j] as number) * (codes[j] as number);
            y[at(i, queries) + c] = f(f(sum) * f((scales[i] as number) * scaleV));
          }
        }
      }
    }
    return [new Tensor('float32', y, [batch, queries, width])];
  },
};

/** Every token's slice of a head as uint8 codes with a range of its own. */
function tokenRows(data: Float32Array, tokens: number, d: number, at: (token: number, tokens: number) => number) {
  const codes = new Uint8Array(tokens * d);
  const scales = new Float32Array(tokens);
  const zeroPoints = new Int32Array(tokens);
  for (let token = 0; token < tokens; token++) {
    const row = data.subarray(at(token, tokens), at(token, tokens) + d);
    const { min, max } = finiteRange(row, 0, d);
    const { scale, zeroPoint } = chooseQParams(min, max);
    scales[token] = scale;
    zeroPoints[token] = zeroPoint;
    const inverse = inverseScale(scales[token] as number);
    row.forEach((x, c) => {
      codes[token * d + c] = quantizeFused(x, inverse, zeroPoint);
    });
  }
  return { codes, scales, zeroPoints };
}

/** Every token's slice of a head as symmetric int8 codes with a scale of its own. */
function symmetricRows(data: Float32Array, tokens: number, d: number, at: (token: number, tokens: number) => number) {
  const codes = new Int8Array(tokens * d);
  const scales = new Float32Array(tokens);
  for (let token = 0; token < tokens; token++) {
    const start = at(token, tokens);
    const scale = codeScale(d, 127, (c) => data[start + c] as number);
    scales[token] = scale;
    for (let c = 0; c < d; c++) codes[token * d + c] = symmetricCode(data[start + c] as number, inverseScale(scale));
  }
  return { codes, scales };
}

/** The largest finite |x| / `steps`, or 1 where that is 0 or has no finite reciprocal. */
function codeScale(count: number, steps: number, value: (i: number) => number): number {
  let largest = 0;
  for (let i = 0; i < count; i++) {
    const x = Math.abs(value(i));
    if (Number.isFinite(x) && x > largest) largest = x;
  }
  const scale = f(largest / steps);
  return scale > 0 && Number.isFinite(f(1 / scale)) ? scale : 1;
}

/** rint(x / scale) in -127 to 127; NaN is 0. */
function symmetricCode(x: number, inverse: number): number {
  return Number.isNaN(x) ? 0 : clamp(rint(clamp(f(x * inverse), -127, 127)), -127, 127);
}
