import { isPackedParams, type QuantizedTensor } from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import { leafOperand } from '../ir/leaf-nodes.js';
import { staticQParams } from '../ir/static-qparams.js';
import type { Value } from '../ir/value.js';
import { nameValues } from '../ir/value-names.js';

/** Scale and zero point of one tensor of codes in a graph. */
export interface QParamsRow {
  /** The value's name in `print()`. */
  readonly value: string;
  /** The module it belongs to. */
  readonly scope: string;
  readonly role: 'activation' | 'weight';
  readonly dtype: string;
  /** One a channel where `axis` is not null. */
  readonly scales: ArrayLike<number>;
  readonly zeroPoints: ArrayLike<number>;
  readonly axis: number | null;
}

/**
 * The scales and zero points that a graph knows before it runs: of activations that are quantized statically, and of
 * packed weights, in the graph's order.
 */
export function qparamsOf(graph: Graph): QParamsRow[] {
  const names = nameValues(graph);
  const nameOf = (value: Value): string => `%${names.get(value)}`;
  const rows: QParamsRow[] = [];
  const seen = new Set<Value>();
  for (const { inputs, outputs, scope } of graph.nodes()) {
    for (const input of inputs) {
      const operand = input === null || seen.has(input) ? undefined : leafOperand(input);
      if (input === null || !isPackedParams(operand)) continue;
      seen.add(input);
      const { dtype, scales, zeroPoints, axis }: QuantizedTensor = operand.weight;
      rows.push({ value: nameOf(input), scope, role: 'weight', dtype, scales, zeroPoints, axis });
    }
    for (const output of outputs) {
      if (output.type.kind !== 'tensor' || !/^qu?int/.test(output.type.dtype)) continue;
      const known = staticQParams(output);
      if (known === undefined) continue;
      const { scale, zeroPoint } = known;
      const { dtype } = output.type;
      rows.push({
        value: nameOf(output),
        scope,
        role: 'activation',
        dtype,
        scales: [scale],
        zeroPoints: [zeroPoint],
        axis: null,
      });
    }
  }
  return rows;
}
