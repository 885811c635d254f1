import type { Rule, RuleContext } from '../../import/rule.js';
import type { Value } from '../../ir/value.js';
import { cast, scalar } from './math.js';
import { floatProduct } from './quantized.js';

/** What ONNX Runtime adds to the scores of keys that are masked, where the node says nothing else. */
const MASKED = -10000;

/**
 * com.microsoft QAttention: codes x [batch, length, in], weight codes [in, 3 * width] of q, k and v side by side, float bias,
 * scales of both, mask, zero points of both. The projection is one linear over codes with a float result; attention
 * itself is computed in floats, as ONNX Runtime does.
 */
export const qattention: Rule = (n) => {
  if (n.optional(8) !== null) throw n.unsupported('a past state');
  if (n.attr('unidirectional', 0) === 1) throw n.unsupported('unidirectional');
  if (n.attr('do_rotary', 0) === 1) throw n.unsupported('do_rotary');
  const [x, weight] = [n.input(0), n.input(1)];
  const columns = n.dims(weight)[1] as number;
  const heads = n.attr('num_heads');
  if (columns % (3 * heads) !== 0) throw n.fault(`a weight of ${columns} columns has no q, k and v of ${heads} heads`);
  const width = columns / 3;
  const scales = [n.input(3), n.input(4)] as const;
  const projected = floatProduct(n, { a: x, b: weight, scales, zeros: [6, 7], bias: n.input(2) });
  const [q, k, v] = [0, 1, 2].map((part) =>
    n.op('aten::slice', [projected], { dim: 2, start: part * width, end: (part + 1) * width, step: 1 }),
  ) as [Value, Value, Value];
  const scale = Math.fround(n.attr('scale', 0) || 1 / Math.sqrt(width / heads));
  return n.op('octavo::multi_head_attention', [q, k, v, maskOf(n, projected)], { heads, scale });
};

/** [batch, 1, 1, length] to add to the scores: of lengths [batch], or of ones and zeros [batch, length]. */
function maskOf(n: RuleContext, projected: Value): Value | null {
  const mask = n.optional(5);
  if (mask === null) return null;
  const dims = n.shape(mask);
  let kept: Value;
  if (dims.length === 2) {
    kept = n.op('aten::lt', [scalar(n, 0, n.dtype(mask)), mask]);
  } else {
    const batch = n.shape(projected)[0];
    if (dims.length !== 1 || (typeof batch === 'number' && typeof dims[0] === 'number' && dims[0] !== batch))
      throw n.unsupported(`a mask of dims [${dims.join(', ')}]`);
    const lengths = n.op('aten::unsqueeze', [cast(n, mask, 'int64')], { dim: 1 });
    kept = n.op('aten::lt', [n.op('octavo::arange_like', [projected], { dim: 1 }), lengths]);
  }
  const added = n.op('aten::where', [kept, scalar(n, 0), scalar(n, n.attr('mask_filter_value', MASKED))]);
  return n.op('aten::unsqueeze', [n.op('aten::unsqueeze', [added], { dim: 1 })], { dim: 2 });
}
