import type { Module } from '@octavo/core';
import { getDefaultQConfig } from '@octavo/observers';
import { swapFor } from '../convert/swap-table.js';
import { QUANTIZABLE_SWAPS } from '../quantizable/swaps.js';

/** Modules that hand on what they are given: a row of theirs would say what the one before says. */
const SILENT: ReadonlySet<string> = new Set(['Identity', 'Dropout', 'QuantizedDropout']);

/**
 * The modules of a quantized model with those at the same paths of the float one; what computes nothing is left out.
 */
export function twins(float: Module, quantized: Module): [path: string, float: Module, quantized: Module][] {
  const floats = new Map(float.namedModules());
  return [...quantized.namedModules()].flatMap(([path, module]) => {
    const twin = floats.get(path);
    return twin === undefined || SILENT.has(module.typeName) ? [] : [[path, twin, module] as [string, Module, Module]];
  });
}

/**
 * `twins`, with the parts of modules that quantization takes apart, as the projections of an attention: the float ones
 * share the float module's weights, and nobody calls them.
 */
export function twinsWithParts(float: Module, quantized: Module): ReturnType<typeof twins> {
  return twins(float, quantized).flatMap(([path, twin, module]) => {
    const own: [string, Module, Module] = [path, twin, module];
    const row = twin.constructor === module.constructor ? undefined : swapFor(twin, QUANTIZABLE_SWAPS);
    if (row === undefined || module.namedChildren().next().done === true) return [own];
    const inFloat = new Set([...twin.namedModules()].map(([name]) => name));
    const parts = twins(row.fromFloat(twin, getDefaultQConfig('fbgemm')), module).filter(
      ([name]) => !inFloat.has(name),
    );
    const lead = path === '' ? '' : `${path}.`;
    return [own, ...parts.map(([name, ...both]) => [`${lead}${name}`, ...both] as [string, Module, Module])];
  });
}
