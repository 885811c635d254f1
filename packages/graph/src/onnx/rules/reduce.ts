import type { Rule, RuleContext } from '../../import/rule.js';
import type { Value } from '../../ir/value.js';
import { listOrInput } from './shape.js';

/** Axes: an attribute, and an operand since opset 13 (sum) or 18; all of them unless told to do nothing then. */
function reduced(n: RuleContext, op: string, x: Value): Value {
  const axes = listOrInput(n, 'axes', 1) ?? [];
  if (axes.length === 0 && n.attr('noop_with_empty_axes', 0) === 1) return x;
  return n.op(op, [x], { dims: axes, keepDim: n.attr('keepdims', 1) });
}

const reduce =
  (op: string, before?: string, after?: string): Rule =>
  (n) => {
    const x = n.input(0);
    const value = before === undefined ? x : before === 'square' ? n.op('aten::mul', [x, x]) : n.op(before, [x]);
    const result = reduced(n, op, value);
    return after === undefined ? result : n.op(after, [result]);
  };

const extreme =
  (op: string): Rule =>
  (n) =>
    n.op(op, [n.input(0)], {
      dim: n.attr('axis', 0),
      keepDim: n.attr('keepdims', 1),
      last: n.attr('select_last_index', 0),
    });

/** core's mean is of floats over axes that it names; all axes are named here. */
const mean: Rule = (n) => {
  const x = n.input(0);
  const asked = listOrInput(n, 'axes', 1) ?? [];
  if (asked.length === 0 && n.attr('noop_with_empty_axes', 0) === 1) return x;
  const dims = asked.length > 0 ? asked : Array.from({ length: n.rank(x) }, (_, i) => i);
  return n.op('aten::mean', [x], { dims, keepDim: n.attr('keepdims', 1) });
};

const topk: Rule = (n) => {
  const k = n.number(n.input(1));
  const attrs = { k, dim: n.attr('axis', -1), largest: n.attr('largest', 1) };
  return n.builder.ops('aten::topk', [n.input(0)], attrs);
};

const cumsum: Rule = (n) =>
  n.op('aten::cumsum', [n.input(0)], {
    dim: n.number(n.input(1)),
    exclusive: n.attr('exclusive', 0),
    reverse: n.attr('reverse', 0),
  });

export const REDUCE_RULES: Readonly<Record<string, Rule>> = {
  ArgMax: extreme('aten::argmax'),
  ArgMin: extreme('aten::argmin'),
  CumSum: cumsum,
  ReduceL1: reduce('aten::sum', 'aten::abs'),
  ReduceL2: reduce('aten::sum', 'square', 'aten::sqrt'),
  ReduceLogSum: reduce('aten::sum', undefined, 'aten::log'),
  ReduceMax: reduce('aten::amax'),
  ReduceMean: mean,
  ReduceMin: reduce('aten::amin'),
  ReduceProd: reduce('aten::prod'),
  ReduceSum: reduce('aten::sum'),
  ReduceSumSquare: reduce('aten::sum', 'square'),
  TopK: topk,
};
