import type { Module } from '@octavo/core';

/** Modules that hand on what they are given: a row of theirs would say what the one before says. */
const SILENT: ReadonlySet<string> = new Set(['Identity', 'Dropout', 'QuantizedDropout']);

/** The modules of a quantized model with those at the same paths of the float one; what computes nothing is left out. */
export function twins(float: Module, quantized: Module): [path: string, float: Module, quantized: Module][] {
  const floats = new Map(float.namedModules());
  return [...quantized.namedModules()].flatMap(([path, module]) => {
    const twin = floats.get(path);
    return twin === undefined || SILENT.has(module.typeName) ? [] : [[path, twin, module] as [string, Module, Module]];
  });
}
