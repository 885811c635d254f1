import type { Module } from '@octavo/core';
import { type CoverageReport, type CoverageRow, coverageReport } from '@octavo/observers';
import { checkOptions } from '../convert/check-options.js';
import {
  DYNAMIC_SWAPS,
  multiplyAddsRow,
  type Swap,
  supportedTypes,
  swapFor,
  swapThatMade,
} from '../convert/swap-table.js';
import { isStaticModule, STATIC_SWAPS } from '../static/swaps.js';
import { notedFloatReason } from './float-reasons.js';
import { countPositions, multiplyAddsOf, type Positions } from './multiply-adds.js';

/** Modules that compute nothing of their own when a model is evaluated: no rows for them. */
const TRANSPARENT: ReadonlySet<string> = new Set([
  ...['Dropout', 'QuantizedDropout', 'Sequential', 'ModuleList', 'Identity', 'QuantStub', 'DeQuantStub'],
]);

/** Every form that a conversion makes. */
const SWAPS = [...STATIC_SWAPS, ...DYNAMIC_SWAPS];

/** Why the kinds of modules that never are int8 in dynamic quantization are not. */
const FLOAT_KINDS: Readonly<Record<string, string>> = {
  Embedding: "a look-up, no arithmetic; dtype 'quint8' or 'quint4x2' makes its table smaller",
  EmbeddingBag: "a look-up and sums; dtype 'quint8' or 'quint4x2' makes its table smaller",
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

export interface CoverageOptions {
  /**
   * What the model is called with, once, to count the multiply-adds of its modules. Without it they are those for one
   * row of input, and convolutions, whose number of pixels is not known then, have none.
   */
  inputs?: readonly unknown[];
}

/**
 * What of a model runs in int8 and what in float, and why: one row for each module without children or with
 * tensors of its own. Ops that a `forward` calls by `F` are in no module and so in no row; a graph's coverage shows
 * them.
 */
export function coverage(model: Module, options: CoverageOptions = {}): CoverageReport {
  checkOptions('coverage', options, ['inputs']);
  const { inputs } = options;
  const counted =
    inputs &&
    countPositions(model, inputs, (module) => {
      const swap = formOf(module);
      return swap && multiplyAddsRow(swap, SWAPS);
    });
  const rows: CoverageRow[] = [];
  const isStatic = [...model.namedModules()].some(([, module]) => isStaticModule(module));
  for (const [path, module] of model.namedModules()) {
    const isLeaf = module.namedChildren().next().done === true;
    const computes = isLeaf || module.namedTensors().next().done !== true;
    if (computes && !TRANSPARENT.has(module.typeName)) rows.push(rowOf(path, module, isStatic, counted));
  }
  return coverageReport(rows);
}

/** The row of a module's class, float or quantized. */
function formOf(module: Module): Swap | undefined {
  return swapThatMade(module, SWAPS) ?? swapFor(module, SWAPS);
}

function rowOf(path: string, module: Module, isStatic: boolean, counted: Positions | undefined): CoverageRow {
  const op = module.typeName;
  const multiplyAdds = multiplyAddsOf(module, formOf(module), SWAPS, counted);
  const known = multiplyAdds === undefined ? {} : { multiplyAdds };
  const quantized = swapThatMade(module, SWAPS);
  if (quantized !== undefined) {
    const precision = quantized.precision?.(module) ?? 'int8';
    return { path, op, precision, reason: quantized.describe(module), ...known };
  }
  return { path, op, precision: 'float32', reason: isStatic ? staticReason(module) : dynamicReason(module), ...known };
}

/**
 * Why a module of a statically quantized model is float, as the conversion said; it has no memory in a loaded model.
 */
function staticReason(module: Module): string {
  return (
    notedFloatReason(module) ?? (swapFor(module, STATIC_SWAPS) === undefined ? 'no static int8 form' : 'kept float')
  );
}

function dynamicReason(module: Module): string {
  const kind = FLOAT_KINDS[module.typeName];
  if (kind !== undefined) return kind;
  if (swapFor(module) === undefined) return `no dynamic int8 form (supported: ${supportedTypes()}, by exact class)`;
  return notedFloatReason(module) ?? 'not quantized';
}
