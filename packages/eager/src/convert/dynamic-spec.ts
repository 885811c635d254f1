import { didYouMean, type Module, OctavoError } from '@octavo/core';
import type { QConfig, QConfigDict } from '@octavo/observers';
import { isExactly, isModuleClass, type ModuleClass } from './module-class.js';
import { DYNAMIC_SWAPS, dtypesOf, floatClasses, supportedTypes, swapFor, swapThatMade } from './swap-table.js';
import { type WeightDType, weightDTypeOf } from './weight-dtype.js';

type Key = ModuleClass | string;

/**
 * What `quantizeDynamic` is to quantize: types and names (`[nn.Linear, 'classifier']`, or a Set of them), qconfigs by
 * name (`{ '': perRowDynamicQConfig, classifier: null }`), or qconfigs by type and name (a Map).
 */
export type DynamicSpec = Iterable<Key> | ReadonlyMap<Key, QConfig | null> | QConfigDict;

/**
 * The dictionary of qconfigs by path that a spec means for a model: a type stands for the paths of its modules, and a
 * name wins over a type, as in PyTorch's `propagate_qconfig_`.
 */
export function expandSpec(model: Module, spec: DynamicSpec | null | undefined, fallback: QConfig): QConfigDict {
  const modules = [...model.namedModules()];
  const entries = entriesOf(spec, fallback);
  const byType = entries.filter((entry): entry is [ModuleClass, QConfig | null] => typeof entry[0] !== 'string');
  const byName = entries.filter((entry): entry is [string, QConfig | null] => typeof entry[0] === 'string');
  const dict: Record<string, QConfig | null> = {};
  const byTypePaths = byType.map(([type, qconfig]) => [pathsOfType(modules, type, qconfig), qconfig] as const);
  // One type of several may be absent, as Linear is from an LSTM alone; a list that finds nothing at all is a mistake.
  if (byType.length > 0 && byName.length === 0 && byTypePaths.every(([paths]) => paths.length === 0)) {
    throw nothingOfTypes(model, modules, byType);
  }
  for (const [paths, qconfig] of byTypePaths) for (const path of paths) dict[path] = qconfig;
  const paths = new Set(modules.map(([path]) => path));
  for (const [name, qconfig] of byName) {
    checkName(model, paths, name);
    dict[name] = qconfig;
  }
  return dict;
}

/** Keys with their qconfigs, in order; without a spec, every type that the fallback has a form of. */
function entriesOf(spec: DynamicSpec | null | undefined, fallback: QConfig): [Key, QConfig | null][] {
  if (spec === null || spec === undefined)
    return floatClasses(weightDTypeOf(fallback)).map((float) => [float, fallback]);
  if (typeof spec === 'string' || typeof spec === 'function') {
    const name = typeof spec === 'string' ? `'${spec}'` : (spec as { name: string }).name;
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[quantizeDynamic] the spec is a list: give [${name}] in place of ${name}`,
    );
  }
  if (typeof spec !== 'object') {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[quantizeDynamic] expected a list of types and names, a Map, or qconfigs by module path; got ${String(spec)}`,
    );
  }
  if (isMap(spec)) return checkKeys([...spec]);
  if (Symbol.iterator in spec) return checkKeys([...spec].map((key) => [key, fallback]));
  return Object.entries(spec);
}

/** True for the forms of a spec that bring qconfigs of their own. */
export function bringsQConfigs(spec: DynamicSpec | null | undefined): boolean {
  return typeof spec === 'object' && spec !== null && (isMap(spec) || !(Symbol.iterator in spec));
}

function isMap(spec: object): spec is ReadonlyMap<Key, QConfig | null> {
  return Object.prototype.toString.call(spec) === '[object Map]';
}

function checkKeys(entries: [Key, QConfig | null][]): [Key, QConfig | null][] {
  for (const [key] of entries) {
    if (typeof key === 'string' || isModuleClass(key)) continue;
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[quantizeDynamic] a spec lists classes of modules (nn.Linear) and names of modules ('classifier'); got ${String(key)}`,
    );
  }
  return entries;
}

/** Paths of the modules of a type. The type must have the form its qconfig asks for, or hold modules that have it. */
function pathsOfType(modules: readonly [string, Module][], type: ModuleClass, qconfig: QConfig | null): string[] {
  const dtype = qconfig === null ? undefined : weightDTypeOf(qconfig);
  const found = modules.filter(([, module]) => isExactly(module, type));
  const forms = dtypesOf(type);
  const supported = dtype === undefined ? forms.length > 0 : forms.includes(dtype);
  const holds = found.some(([, module]) => [...module.namedModules()].some(([, inner]) => isTarget(inner, dtype)));
  if (!supported && !holds) {
    const form = dtype === undefined || dtype === 'qint8' ? 'int8' : dtype;
    const other = forms.length === 0 ? '' : `; ${type.name} takes dtype ${forms.join(' or ')}`;
    throw new OctavoError(
      'UNSUPPORTED',
      `[quantizeDynamic] ${type.name} has no dynamic ${form} form; supported: ${supportedTypes(DYNAMIC_SWAPS, dtype)}${other}`,
      { details: { type: type.name } },
    );
  }
  return found.map(([path]) => path);
}

function nothingOfTypes(
  model: Module,
  modules: readonly [string, Module][],
  byType: readonly [ModuleClass, QConfig | null][],
): OctavoError {
  const asked = byType.map(([{ name }]) => name).join(', ');
  const types = [...new Set(modules.map(([, module]) => module.typeName))].join(', ');
  return new OctavoError('UNKNOWN_NAME', `[quantizeDynamic] ${model.typeName} has no ${asked}; it has ${types}`);
}

function isTarget(module: Module, dtype: WeightDType | undefined): boolean {
  return swapFor(module, DYNAMIC_SWAPS, dtype) !== undefined || swapThatMade(module) !== undefined;
}

function checkName(model: Module, paths: ReadonlySet<string>, name: string): void {
  if (paths.has(name)) return;
  const type = DYNAMIC_SWAPS.find(({ float }) => float.name === name);
  const remedy =
    type === undefined
      ? didYouMean(name, paths)
      : `; to choose by type give the class, as in [nn.${name}] or new Map([[nn.${name}, qconfig]])`;
  throw new OctavoError('UNKNOWN_NAME', `[quantizeDynamic] ${model.typeName} has no module '${name}'${remedy}`, {
    details: { name, known: [...paths] },
  });
}
