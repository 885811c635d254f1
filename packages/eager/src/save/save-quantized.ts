import { isModule, type Module, OctavoError } from '@octavo/core';
import { type QuantizedFileContent, writeQuantizedFile } from '@octavo/core/node';
import { EAGER_KIND } from './file-kind.js';
import { structureOf } from './structure.js';

/** What the file of a model holds: its state dict, and its tree of modules as JSON. */
export function fileContentOf(model: Module): QuantizedFileContent {
  return { tensors: model.stateDict(), metadata: { kind: EAGER_KIND, modules: JSON.stringify(structureOf(model)) } };
}

/**
 * Writes a model to one safetensors file (temporary name, then renamed): int8 weights as int8, what stayed float as
 * float32, and the tree of modules, so that `loadQuantized` needs no float model. Returns the file's size in bytes.
 */
export async function saveQuantized(model: Module, path: string): Promise<number> {
  if (!isModule(model))
    throw new OctavoError('INVALID_ARGUMENT', '[saveQuantized] expected a module as first argument, then a path');
  return writeQuantizedFile(path, fileContentOf(model));
}
