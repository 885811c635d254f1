import { cloneModule, type Module, OctavoError } from '@octavo/core';
import { readQuantizedFile } from '@octavo/core/node';
import { EAGER_KIND } from './file-kind.js';
import { buildStructure, fitStructure, type StructureNode } from './structure.js';

/**
 * The model of a file that `saveQuantized` wrote, with the same bits, in evaluation mode. Without `model` it is built
 * from the file, which knows the classes of `nn` and those given to `registerModule`. With `model`, float or
 * quantized, a copy of it is filled: its weights do not matter, its classes and sizes do.
 */
export async function loadQuantized<M extends Module = Module>(path: string, model?: M): Promise<M> {
  const { tensors, metadata } = await readQuantizedFile(path);
  const structure = readStructure(path, metadata);
  const fitted =
    model === undefined ? buildStructure(structure, path) : fitStructure(cloneModule(model), structure, path);
  try {
    fitted.loadStateDict(tensors);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OctavoError('STATE_DICT_MISMATCH', `${path}: ${why}`, { cause, details: { path } });
  }
  return fitted.eval() as M;
}

function readStructure(path: string, metadata: Readonly<Record<string, string>>): StructureNode {
  if (metadata.kind !== EAGER_KIND) {
    throw new OctavoError(
      'INVALID_FILE',
      `${path}: this file holds no eager model (kind '${metadata.kind ?? 'not said'}'); a graph is loaded by loadGraph of @octavo/graph`,
      { details: { path, kind: metadata.kind } },
    );
  }
  try {
    const structure = JSON.parse(metadata.modules ?? '') as unknown;
    if (isNode(structure)) return structure;
  } catch {
    // Said below.
  }
  throw new OctavoError(
    'INVALID_FILE',
    `${path}: the tree of modules in the metadata cannot be read; save the model again`,
  );
}

function isNode(value: unknown): value is StructureNode {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { type, children = {} } = value as Partial<StructureNode>;
  return (
    typeof type === 'string' &&
    typeof children === 'object' &&
    children !== null &&
    Object.values(children).every(isNode)
  );
}
