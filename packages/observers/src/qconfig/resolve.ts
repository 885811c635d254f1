import { didYouMean, OctavoError } from '@octavo/core';
import { QConfigMapping } from './mapping.js';
import { checkQConfig, type QConfig } from './qconfig.js';
import { type QConfigDecision, QConfigResolution } from './resolution.js';

/**
 * Qconfigs by dotted module path: `{ '': a, 'sub': b, 'sub.fc1': c, 'sub.fc2': null }`. '' is the whole model; null
 * keeps a module and all below it float.
 */
export type QConfigDict = Readonly<Record<string, QConfig | null>>;

/**
 * The rules of PyTorch's graph mode (insert_observers.cpp, `fillQConfigMap`): a module takes the value of its own key,
 * or else of the nearest key above it; null stops, and is inherited. Keys that name no module are errors here, where
 * PyTorch ignores them. A `QConfigMapping` has rules of its own. `modules` are the paths of all modules, '' among them,
 * or a map of them to the names of their types, which a mapping's rules by type need.
 */
export function resolveQConfig(
  spec: QConfigDict | QConfigMapping,
  modules: Iterable<string> | ReadonlyMap<string, string>,
): QConfigResolution {
  if (QConfigMapping.is(spec)) return spec.resolve(modules);
  const paths = modules instanceof Map ? [...modules.keys()] : [...(modules as Iterable<string>)];
  const known = new Set(paths).add('');
  for (const [key, value] of Object.entries(spec)) {
    if (!known.has(key)) {
      throw new OctavoError(
        'UNKNOWN_NAME',
        `qconfig for '${key}': the model has no such module${didYouMean(key, known)}`,
        {
          details: { key, known: [...known] },
        },
      );
    }
    checkQConfig(place(key), value);
  }
  return new QConfigResolution(new Map(paths.map((path) => [path, decide(spec, path)])));
}

function decide(dict: QConfigDict, path: string): QConfigDecision {
  const key = decidingKey(dict, path);
  if (key === null) return { qconfig: null, key, reason: 'no entry covers it' };
  const qconfig = dict[key] as QConfig | null;
  const entry = key === path ? 'its own entry' : `the entry of ${place(key)}`;
  return { qconfig, key, reason: qconfig === null ? `${entry} is null` : entry };
}

/** The longest key that is the path or a whole-name prefix of it. */
function decidingKey(dict: QConfigDict, path: string): string | null {
  for (let key = path; ; ) {
    if (Object.hasOwn(dict, key)) return key;
    if (key === '') return null;
    const dot = key.lastIndexOf('.');
    key = dot < 0 ? '' : key.slice(0, dot);
  }
}

function place(path: string): string {
  return path === '' ? 'the model' : `'${path}'`;
}
