import { DEFERRED, type Rule, type RuleContext } from '../../import/rule.js';
import type { Value } from '../../ir/value.js';

/** Which inputs are what: opset 23's operator and com.microsoft's have them in different orders. */
interface Operands {
  readonly cos: number;
  readonly sin: number;
  readonly positions: number;
}

/**
 * Pairs of elements of each head turned by an angle that depends on the position: x [batch, heads, length, d], or [batch,
 * length, heads * d] with the number of heads as an attribute; cos and sin [batch, length, d / 2], or tables [positions, d / 2]
 * of which `position_ids` [batch, length] pick rows. Pairs are the two halves of a head, or neighbours (`interleaved`); with
 * `rotary_embedding_dim` the elements behind it stay.
 */
const rotary =
  (operands: Operands): Rule =>
  (n) => {
    const x = n.input(0);
    const isFlat = n.rank(x) === 3;
    const heads = isFlat ? n.op('aten::reshape', [x], { dims: [0, 0, headsOf(n, operands), -1] }) : x;
    const size = n.shape(heads)[3];
    if (typeof size !== 'number') throw DEFERRED;
    const turned = n.attr('rotary_embedding_dim', 0) || size;
    const [cos, sin] = [operands.cos, operands.sin].map((index) => factors(n, index, operands, isFlat)) as [
      Value,
      Value,
    ];
    const isInterleaved = n.attr('interleaved', 0) === 1;
    const part = (start: number, end: number, step: number): Value =>
      n.op('aten::slice', [heads], { dim: 3, start, end, step });
    const [a, b] = isInterleaved
      ? [part(0, turned, 2), part(1, turned, 2)]
      : [part(0, turned / 2, 1), part(turned / 2, turned, 1)];
    const mul = (left: Value, right: Value): Value => n.op('aten::mul', [left, right]);
    const pair = [n.op('aten::sub', [mul(a, cos), mul(b, sin)]), n.op('aten::add', [mul(a, sin), mul(b, cos)])];
    const rest = turned < size ? [part(turned, size, 1)] : [];
    const y = n.op('aten::cat', [...(isInterleaved ? [interleaved(n, pair, turned)] : pair), ...rest], { dim: 3 });
    return isFlat ? n.op('aten::reshape', [y], { dims: [0, 0, -1] }) : y;
  };

function headsOf(n: RuleContext, { cos }: Operands): number {
  const heads = n.attr('num_heads', 0);
  if (heads > 0) return heads;
  const [width, half] = [n.shape(n.input(0)).at(-1), n.shape(n.input(cos)).at(-1)];
  if (typeof width !== 'number' || typeof half !== 'number') throw DEFERRED;
  return width / (2 * half);
}

/** [batch, 1, length, d / 2], or [batch, length, 1, d / 2] where heads come behind the length. */
function factors(n: RuleContext, index: number, { positions }: Operands, isFlat: boolean): Value {
  const ids = n.optional(positions);
  if (ids !== null && n.rank(ids) !== 2) throw n.unsupported('one position for all');
  const rows = ids === null ? n.input(index) : n.op('aten::embedding', [n.input(index), ids]);
  return n.op('aten::unsqueeze', [rows], { dim: isFlat ? 2 : 1 });
}

/** Two tensors [..., d / 2] with their elements in turns. */
function interleaved(n: RuleContext, pair: readonly Value[], size: number): Value {
  const columns = pair.map((each) => n.op('aten::unsqueeze', [each], { dim: 4 }));
  return n.op('aten::reshape', [n.op('aten::cat', columns, { dim: 4 })], { dims: [0, 0, 0, size] });
}

export const ROTARY_RULES: Readonly<Record<string, Rule>> = {
  RotaryEmbedding: rotary({ cos: 1, sin: 2, positions: 3 }),
  'com.microsoft::RotaryEmbedding': rotary({ cos: 2, sin: 3, positions: 1 }),
};
