import type { Dims } from '@octavo/core';
import type { Dim } from '../../import/facts.js';
import { DEFERRED, type RuleContext } from '../../import/rule.js';

/** How a kernel moves over the spatial axes; padding is [begin..., end...]. */
export interface Window {
  readonly kernel: Dims;
  readonly stride: Dims;
  readonly padding: Dims;
  readonly dilation: Dims;
}

/** The attributes that convolutions and pools share. */
export function geometryOf(n: RuleContext, kernel: Dims, x: readonly Dim[] | null): Window {
  const ones = kernel.map(() => 1);
  const stride = n.list('strides', ones);
  const dilation = n.list('dilations', ones);
  return { kernel, stride, dilation, padding: paddingOf(n, kernel, stride, dilation, x) };
}

/**
 * `pads`, or what `auto_pad` asks for: SAME pads so that the output has ceil(dim / stride), with the odd one at the end
 * (UPPER) or at the beginning. With a stride of 1 that does not depend on the dim.
 */
export function paddingOf(
  n: RuleContext,
  kernel: Dims,
  stride: Dims,
  dilation: Dims,
  x: readonly Dim[] | null,
): number[] {
  const mode = n.text('auto_pad', 'NOTSET');
  if (mode === 'NOTSET')
    return [
      ...n.list(
        'pads',
        [...kernel, ...kernel].map(() => 0),
      ),
    ];
  if (mode === 'VALID') return [...kernel, ...kernel].map(() => 0);
  const totals = kernel.map((taps, i) => {
    const reach = (dilation[i] as number) * (taps - 1) + 1;
    const step = stride[i] as number;
    if (step === 1) return reach - 1;
    const dim = x?.[i + 2];
    if (typeof dim !== 'number') throw DEFERRED;
    return Math.max(0, (Math.ceil(dim / step) - 1) * step + reach - dim);
  });
  const begins = totals.map((total) => (mode === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2)));
  return [...begins, ...totals.map((total, i) => total - (begins[i] as number))];
}
