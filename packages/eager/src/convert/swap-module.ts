import { isOctavoError, type Module, OctavoError } from '@octavo/core';
import type { QConfig } from '@octavo/observers';
import { observationOf, observedOutput } from './observation.js';
import { DYNAMIC_SWAPS, type SwapTable, swapFor } from './swap-table.js';
import { weightDTypeOf } from './weight-dtype.js';

/**
 * The quantized form of one float module, or the module itself where the table has none or the qconfig is null
 * (PyTorch, `swap_module`). Hooks and the training flag go along, but not the observer of a prepared module.
 */
export function swapModule(module: Module, qconfig: QConfig | null, table: SwapTable = DYNAMIC_SWAPS): Module {
  const swap = qconfig === null ? undefined : swapFor(module, table, weightDTypeOf(qconfig));
  if (swap === undefined || qconfig === null) return module;
  const output = swap.observes === undefined ? undefined : observedOutput(module);
  const quantized = swap.fromFloat(module, qconfig, output);
  quantized.training = module.training;
  for (const hook of module.forwardPreHooks) quantized.registerForwardPreHook(hook);
  const observing = observationOf(module)?.hook;
  for (const hook of module.forwardHooks) if (hook !== observing) quantized.registerForwardHook(hook);
  return quantized;
}

/** `swapModule` whose errors name the module's path and the function that asked. */
export function swapAt(
  where: string,
  path: string,
  module: Module,
  qconfig: QConfig,
  table: SwapTable = DYNAMIC_SWAPS,
): Module {
  try {
    return swapModule(module, qconfig, table);
  } catch (error) {
    if (!isOctavoError(error)) throw error;
    const place = path === '' ? module.typeName : path;
    throw new OctavoError(error.code, `[${where}] ${place}: ${error.message}`, {
      cause: error,
      details: { ...error.details, path },
    });
  }
}

/** Puts modules in place by path; the model itself (path '') is given back swapped, which `inplace` cannot do. */
export function putModules<M extends Module>(
  where: string,
  model: M,
  swaps: ReadonlyMap<string, Module>,
  inplace: boolean,
): M {
  const root = swaps.get('');
  if (root !== undefined && inplace) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[${where}] a ${model.typeName} cannot be swapped in place, as nothing holds it; leave inplace out and use what is returned`,
    );
  }
  const whole = root ?? model;
  // Outer modules come first: what lies in a swapped one is put into the module that has taken its place.
  for (const [path, quantized] of swaps) {
    if (path === '') continue;
    const dot = path.lastIndexOf('.');
    whole.getSubmodule(path.slice(0, Math.max(dot, 0))).setChild(path.slice(dot + 1), quantized);
  }
  return whole as M;
}
