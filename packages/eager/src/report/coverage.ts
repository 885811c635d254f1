import type { Module } from '@octavo/core';
import { type CoverageReport, type CoverageRow, coverageReport } from '@octavo/observers';
import { supportedTypes, swapFor, swapThatMade } from '../convert/swap-table.js';
import { notedFloatReason } from './float-reasons.js';

/** Modules that compute nothing of their own when a model is evaluated: no rows for them. */
const TRANSPARENT: ReadonlySet<string> = new Set(['Dropout', 'Sequential', 'ModuleList', 'Identity']);

/** Why the kinds of modules that never are int8 in dynamic quantization are not. */
const FLOAT_KINDS: Readonly<Record<string, string>> = {
  Embedding: 'a look-up, no arithmetic; int8 tables are a scheme of their own',
  LayerNorm: 'normalisation is computed in float',
  GELU: 'activation functions are computed in float',
  ReLU: 'activation functions are computed in float',
  Tanh: 'activation functions are computed in float',
  Sigmoid: 'activation functions are computed in float',
  Softmax: 'activation functions are computed in float',
};

/**
 * What of a model runs in int8 and what in float, and why: one row for each module without children. Ops that a
 * `forward` calls by `F` are in no module and so in no row; a graph's coverage shows them.
 */
export function coverage(model: Module): CoverageReport {
  const rows: CoverageRow[] = [];
  for (const [path, module] of model.namedModules()) {
    const isLeaf = module.namedChildren().next().done === true;
    if (isLeaf && !TRANSPARENT.has(module.typeName)) rows.push(rowOf(path, module));
  }
  return coverageReport(rows);
}

function rowOf(path: string, module: Module): CoverageRow {
  const op = module.typeName;
  const quantized = swapThatMade(module);
  if (quantized !== undefined) {
    const multiplyAdds = quantized.multiplyAdds(module);
    return { path, op, precision: 'int8', reason: quantized.describe(module), multiplyAdds };
  }
  const swap = swapFor(module);
  if (swap === undefined) {
    const reason = FLOAT_KINDS[op] ?? `no dynamic int8 form (supported: ${supportedTypes()}, by exact class)`;
    return { path, op, precision: 'float32', reason };
  }
  const reason = notedFloatReason(module) ?? 'not quantized';
  return { path, op, precision: 'float32', reason, multiplyAdds: swap.multiplyAdds(module) };
}
