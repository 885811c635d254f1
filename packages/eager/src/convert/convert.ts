import { cloneModule, isModule, type Module, OctavoError } from '@octavo/core';
import type { QConfig } from '@octavo/observers';
import { notedFloatReason, noteFloatReason } from '../report/float-reasons.js';
import { STATIC_SWAPS } from '../static/swaps.js';
import { checkOptions } from './check-options.js';
import { observationOf, removeObservation } from './observation.js';
import { putModules, swapAt } from './swap-module.js';
import { type SwapTable, swapFor } from './swap-table.js';

export interface ConvertOptions {
  /** Changes the model that was given instead of a copy of it. */
  inplace?: boolean;
  /** Which modules become what; `STATIC_SWAPS` by default, and the table that `prepare` was given otherwise. */
  mapping?: SwapTable;
}

/**
 * The int8 model of a prepared and calibrated one (PyTorch's `convert`): modules that the mapping has a row for become
 * their quantized forms, with the scales and zero points that their observers found; observers and qconfigs go. Modules
 * without a form stay float, and `coverage(model)` says which, and why.
 */
export function convert<M extends Module>(model: M, options: ConvertOptions = {}): M {
  if (!isModule(model)) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[convert] expected a module, got ${model === null ? 'null' : typeof model}`,
    );
  }
  checkOptions('convert', options, ['inplace', 'mapping']);
  const { inplace = false, mapping = STATIC_SWAPS } = options;
  const modules = [...model.namedModules()];
  if (modules.every(([, module]) => observationOf(module) === undefined)) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[convert] ${model.typeName} has no observers; call prepare, run calibration inputs through what it returns, and convert that`,
    );
  }
  const target = inplace ? model : cloneModule(model);
  // All swaps are made before the first is put in place: an error leaves a model that was given `inplace` whole.
  const swaps = makeSwaps(modules, new Map(target.namedModules()), mapping);
  for (const [, module] of target.namedModules()) {
    removeObservation(module);
    delete (module as { qconfig?: unknown }).qconfig;
  }
  return putModules('convert', target, swaps, inplace).eval();
}

/**
 * Quantized modules by path; what lies in a swapped module goes with it, and one that is held twice stays one. Modules
 * of the target that stay float are noted with the reason.
 */
function makeSwaps(
  modules: readonly [string, Module][],
  target: ReadonlyMap<string, Module>,
  mapping: SwapTable,
): Map<string, Module> {
  const swaps = new Map<string, Module>();
  const made = new Map<Module, Module>();
  for (const [path, module] of modules) {
    if ([...swaps.keys()].some((outer) => outer === '' || path.startsWith(`${outer}.`))) continue;
    const qconfig = module.qconfig as QConfig | null | undefined;
    const swap = swapFor(module, mapping);
    if (swap === undefined || qconfig === null || qconfig === undefined) {
      const reason = swap === undefined ? 'no static int8 form' : (notedFloatReason(module) ?? 'it has no qconfig');
      noteFloatReason(target.get(path) as Module, reason);
      continue;
    }
    const quantized = made.get(module) ?? swapAt('convert', path, module, qconfig, mapping);
    made.set(module, quantized);
    swaps.set(path, quantized);
  }
  return swaps;
}
