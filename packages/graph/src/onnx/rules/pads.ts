import { SLICE_TO_END } from '@octavo/core';
import type { Rule, RuleContext } from '../../import/rule.js';
import type { Value } from '../../ir/value.js';
import { filled, scalar } from './math.js';

const PAD_MODES: Readonly<Record<string, number>> = { reflect: 0, edge: 1, wrap: 2 };

/** Pads [begin..., end...] of all dims, or of `axes` (opset 18). */
const pad: Rule = (n) => {
  const x = n.input(0);
  const pads = n.numbers(n.input(1));
  const axes = n.optional(3) === null ? null : n.numbers(n.input(3));
  const rank = axes === null ? pads.length / 2 : n.rank(x);
  const padding = new Array<number>(2 * rank).fill(0);
  (axes ?? Array.from({ length: rank }, (_, i) => i)).forEach((axis, i) => {
    const at = axis < 0 ? axis + rank : axis;
    padding[at] = pads[i] as number;
    padding[rank + at] = pads[pads.length / 2 + i] as number;
  });
  const mode = n.text('mode', 'constant');
  if (mode !== 'constant') return n.op('octavo::pad_from', [x], { padding, mode: padMode(n, mode) });
  return floatPad(n, x, padding, n.optional(2)) ?? constantPad(n, x, padding, n.optional(2));
};

/** core's pad, of the last dims of floats by a constant; null for any other. */
function floatPad(n: RuleContext, x: Value, padding: readonly number[], fill: Value | null): Value | null {
  const value = fill === null ? 0 : n.builder.content(fill)?.[0];
  if (n.dtype(x) !== 'float32' || typeof value !== 'number' || padding.some((pad) => pad < 0)) return null;
  const rank = padding.length / 2;
  const first = padding.findIndex((_, i) => i >= rank || padding[i] !== 0 || padding[i + rank] !== 0);
  if (first === rank) return x;
  const attrs = { padding: [...padding.slice(first, rank), ...padding.slice(rank + first)] };
  return n.op('aten::pad', [x], value === 0 ? attrs : { ...attrs, value });
}

function padMode(n: RuleContext, mode: string): number {
  const code = Object.hasOwn(PAD_MODES, mode) ? PAD_MODES[mode] : undefined;
  if (code === undefined) throw n.fault(`unknown mode '${mode}'`);
  return code;
}

/** By blocks of the constant on both sides of each dim, which serves every dtype; a negative pad is a slice. */
export function constantPad(n: RuleContext, x: Value, padding: readonly number[], fill: Value | null): Value {
  const rank = padding.length / 2;
  let value = x;
  for (let axis = 0; axis < rank; axis++) {
    const [before, after] = [padding[axis] as number, padding[rank + axis] as number];
    const cut = { dim: axis, start: Math.max(0, -before), end: after < 0 ? after : SLICE_TO_END, step: 1 };
    if (before < 0 || after < 0) value = n.op('aten::slice', [value], cut);
    if (before <= 0 && after <= 0) continue;
    const dims = n.dims(value);
    const block = (count: number): Value[] =>
      count > 0 ? [constantBlock(n, value, fill, dims.with(axis, count))] : [];
    value = n.op('aten::cat', [...block(before), value, ...block(after)], { dim: axis });
  }
  return value;
}

function constantBlock(n: RuleContext, like: Value, fill: Value | null, dims: readonly number[]): Value {
  if (fill === null) return n.constant(filled(dims, 0, n.dtype(like)));
  return n.op('aten::expand', [n.op('aten::reshape', [fill], { dims: [] })], { dims });
}

/** What never wins a maximum. */
export function negativeFill(n: RuleContext): Value {
  return scalar(n, Number.NEGATIVE_INFINITY);
}

export const PAD_RULES: Readonly<Record<string, Rule>> = { Pad: pad };
