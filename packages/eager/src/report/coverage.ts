import type { Module } from '@octavo/core';
import { type CoverageReport, type CoverageRow, coverageReport } from '@octavo/observers';
import { multiplyAddsOf, supportedTypes, swapFor, swapThatMade } from '../convert/swap-table.js';
import { notedFloatReason } from './float-reasons.js';

/** Modules that compute nothing of their own when a model is evaluated: no rows for them. */
const TRANSPARENT: ReadonlySet<string> = new Set(['Dropout', 'Sequential', 'ModuleList', 'Identity']);

/** Why the kinds of modules that never are int8 in dynamic quantization are not. */
const FLOAT_KINDS: Readonly<Record<string, string>> = {
  Embedding: "a look-up, no arithmetic; dtype 'quint8' or 'quint4x2' makes its table smaller",
  EmbeddingBag: "a look-up and sums; dtype 'quint8' or 'quint4x2' makes its table smaller",
  MultiheadAttention: 'its input projections and heads are computed in float; its out_proj is a row of its own',
  GroupNorm: 'normalisation is computed in float',
  InstanceNorm1d: 'normalisation is computed in float',
  InstanceNorm2d: 'normalisation is computed in float',
  InstanceNorm3d: 'normalisation is computed in float',
  LayerNorm: 'normalisation is computed in float',
  GELU: 'activation functions are computed in float',
  ReLU: 'activation functions are computed in float',
  Tanh: 'activation functions are computed in float',
  Sigmoid: 'activation functions are computed in float',
  Softmax: 'activation functions are computed in float',
  LogSoftmax: 'activation functions are computed in float',
  ReLU6: 'activation functions are computed in float',
  Hardtanh: 'activation functions are computed in float',
  Hardswish: 'activation functions are computed in float',
  Hardsigmoid: 'activation functions are computed in float',
  SiLU: 'activation functions are computed in float',
  ELU: 'activation functions are computed in float',
  CELU: 'activation functions are computed in float',
  LeakyReLU: 'activation functions are computed in float',
};

/**
 * What of a model runs in int8 and what in float, and why: one row for each module without children or with
 * tensors of its own. Ops that a
 * `forward` calls by `F` are in no module and so in no row; a graph's coverage shows them.
 */
export function coverage(model: Module): CoverageReport {
  const rows: CoverageRow[] = [];
  for (const [path, module] of model.namedModules()) {
    const isLeaf = module.namedChildren().next().done === true;
    const computes = isLeaf || module.namedTensors().next().done !== true;
    if (computes && !TRANSPARENT.has(module.typeName)) rows.push(rowOf(path, module));
  }
  return coverageReport(rows);
}

function rowOf(path: string, module: Module): CoverageRow {
  const op = module.typeName;
  const quantized = swapThatMade(module);
  const swap = quantized ?? swapFor(module);
  if (swap === undefined) {
    const reason = FLOAT_KINDS[op] ?? `no dynamic int8 form (supported: ${supportedTypes()}, by exact class)`;
    return { path, op, precision: 'float32', reason };
  }
  const multiplyAdds = multiplyAddsOf(module, swap);
  const known = multiplyAdds === undefined ? {} : { multiplyAdds };
  if (quantized !== undefined) {
    const precision = quantized.precision?.(module) ?? 'int8';
    return { path, op, precision, reason: quantized.describe(module), ...known };
  }
  const reason = FLOAT_KINDS[op] ?? notedFloatReason(module) ?? 'not quantized';
  return { path, op, precision: 'float32', reason, ...known };
}
