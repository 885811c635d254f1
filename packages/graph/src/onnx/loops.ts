import { Tensor } from '@octavo/core';
import type { GraphBuilder } from '../import/graph-builder.js';
import type { Value } from '../ir/value.js';

/** The number that a constant of one element holds, or null. */
export function scalarOf(builder: GraphBuilder, value: Value): number | null {
  const data = builder.tensor(value)?.raw.data;
  return data?.length === 1 ? Number(data[0]) : null;
}

/** What an unrolled loop needs besides its body. */
export const stacked = {
  index: (i: number): Tensor => new Tensor('int64', BigInt64Array.of(BigInt(i)), []),
  truth: (): Tensor => new Tensor('bool', Uint8Array.of(1), []),
  /** The values of all iterations along a new first dim. */
  of(builder: GraphBuilder, values: readonly Value[]): Value {
    if (values.length === 0) return builder.constant(Tensor.zeros([0]));
    const rows = values.map((value) => builder.op('aten::unsqueeze', [value], { dim: 0 }));
    return builder.op('aten::cat', rows, { dim: 0 });
  },
};
