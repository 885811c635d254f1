import { OctavoError } from '@octavo/core';
import { type NameRegistry, Parser } from 'pickleparser';
import { STORAGE_TYPES } from './storage-types.js';
import { malformed, StorageReference, StridedTensor } from './strided-tensor.js';

type Callable = ReturnType<NameRegistry['resolve']>;

/**
 * The only names that a state dict's pickle may use, and what they do here. A pickle is a program that calls what it
 * names: nothing else can be named, these only make maps and views, and they are frozen, so that no pickle leaves
 * something behind in them.
 */
const ALLOWED: Readonly<Record<string, unknown>> = {
  'collections OrderedDict': Object.freeze((...items: unknown[]) => {
    if (items.length > 0) throw malformed('an OrderedDict with items at its making');
    return new Map();
  }),
  'torch._utils _rebuild_tensor_v2': Object.freeze(
    (storage: StorageReference, offset: number, dims: unknown, strides: unknown) =>
      new StridedTensor(storage, offset, dims, strides),
  ),
  'torch._utils _rebuild_parameter': Object.freeze((tensor: unknown) => tensor),
  ...Object.fromEntries(STORAGE_TYPES.map((type) => [`torch ${type.name}`, Object.freeze(type)])),
};

const nameResolver = {
  resolve(module: string, name: string): Callable {
    const key = `${module} ${name}`;
    if (Object.hasOwn(ALLOWED, key)) return ALLOWED[key] as Callable;
    throw new OctavoError(
      'INVALID_FILE',
      `its pickle names ${module}.${name}, which no state dict of plain tensors needs; nothing was executed. Save ` +
        "the model's state_dict() alone, or as safetensors",
      { details: { module, name } },
    );
  },
};

/** Storages are named from outside the pickle: ('storage', class, key, device, elements). */
const persistentResolver = {
  resolve(id: unknown): StorageReference {
    const [kind, type, key, , elements] = Array.isArray(id) ? id : [];
    const known = STORAGE_TYPES.find((row) => row === type);
    if (kind !== 'storage' || known === undefined || typeof key !== 'string' || !Number.isSafeInteger(elements)) {
      throw malformed('a storage of the form (storage, class, key, device, elements) was expected');
    }
    return new StorageReference(known, key, elements);
  },
};

/** Keys under which checkpoints of training scripts hold the state dict. */
const WRAPPERS = ['state_dict', 'model'];

/**
 * The tensors, by name, of the pickle in a `.pth` file that holds a state dict, or a checkpoint with one under
 * `state_dict` or `model`. No code of the file's is run: see ALLOWED.
 *
 * @throws OctavoError INVALID_FILE, without the file's name, for everything else.
 */
export function parseStateDict(pickle: Uint8Array): Map<string, StridedTensor> {
  const parsed = parse(pickle);
  if (!(parsed instanceof Map)) throw malformed('a dictionary of tensors was expected');
  const inner = WRAPPERS.map((key) => parsed.get(key)).find((value) => value instanceof Map);
  const state: Map<unknown, unknown> = inner ?? parsed;
  if (state.size === 0) throw malformed('it holds no tensor');
  for (const [name, tensor] of state) {
    if (typeof name === 'string' && tensor instanceof StridedTensor) continue;
    throw new OctavoError(
      'INVALID_FILE',
      `expected tensors by name, got something else at '${String(name)}'; save the model's state_dict() alone`,
    );
  }
  return state as Map<string, StridedTensor>;
}

function parse(pickle: Uint8Array): unknown {
  try {
    return new Parser({
      nameResolver,
      persistentResolver: persistentResolver as never,
      unpicklingTypeOfDictionary: 'Map',
    }).parse(pickle);
  } catch (cause) {
    if (cause instanceof OctavoError) throw cause;
    throw malformed(cause instanceof Error ? cause.message : String(cause));
  }
}
