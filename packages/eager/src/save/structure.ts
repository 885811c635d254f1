import { type Module, nn, OctavoError } from '@octavo/core';
import { DYNAMIC_SWAPS } from '../convert/swap-table.js';
import { QUANTIZABLE_SWAPS } from '../quantizable/swaps.js';
import { STATIC_SWAPS } from '../static/swaps.js';
import { fileTypeOf, type Json, recipeByName, recipeOf, registeredNames } from './module-registry.js';

/** Every form that a conversion makes. */
const SWAPS = [...DYNAMIC_SWAPS, ...QUANTIZABLE_SWAPS, ...STATIC_SWAPS];

/** What fusion leaves an Identity in place of. */
const FUSED_AWAY = ['BatchNorm1d', 'BatchNorm2d', 'BatchNorm3d', 'ReLU', 'ReLU6'];

/** Classes whose children come from the file, and the names that those may have. */
const CONTAINERS: Readonly<Record<string, RegExp>> = {
  Sequential: /^\d+$/,
  ModuleList: /^\d+$/,
  FusedConv: /^\d+$/,
  FusedLinear: /^\d+$/,
  FusedBatchNorm: /^\d+$/,
  QuantWrapper: /^(quant|dequant|module)$/,
};

/** A module tree as a file holds it, without its tensors. */
export interface StructureNode {
  readonly type: string;
  /** What the class's recipe needs; absent for classes that are not registered. */
  readonly config?: Json;
  readonly children?: { readonly [name: string]: StructureNode };
}

/** The tree of a model. */
export function structureOf(module: Module): StructureNode {
  const children = [...module.namedChildren()].map(([name, child]) => [name, structureOf(child)] as const);
  const registered = recipeOf(module);
  return {
    type: fileTypeOf(module),
    ...(registered === undefined ? {} : { config: registered.recipe.config(module) }),
    ...(children.length === 0 ? {} : { children: Object.fromEntries(children) }),
  };
}

/** A model of this structure, its weights still to be loaded. `source` names the file in messages. */
export function buildStructure(node: StructureNode, source: string): Module {
  return nn.skipInit(() => fit(buildNode(node, '', source), node, '', source));
}

/**
 * `module` changed where the structure has another class, as a float linear where the file has a quantized one.
 * Works in place; the module that is returned differs from the given one only where its own class differs.
 */
export function fitStructure(module: Module, node: StructureNode, source: string): Module {
  return nn.skipInit(() => fit(module, node, '', source));
}

function fit(module: Module, node: StructureNode, path: string, source: string): Module {
  const fitted = sameClass(module, node) ? module : replace(module, node, path, source);
  const wanted = node.children ?? {};
  const present = new Map(fitted.namedChildren());
  for (const name of present.keys()) {
    if (!Object.hasOwn(wanted, name))
      throw differs(source, join(path, name), 'nothing', present.get(name)?.typeName ?? '');
  }
  for (const [name, child] of Object.entries(wanted)) {
    const place = join(path, name);
    const current = present.get(name);
    if (current !== undefined) {
      const next = fit(current, child, place, source);
      if (next !== current) fitted.setChild(name, next);
    } else if (CONTAINERS[fileTypeOf(fitted)]?.test(name) === true) {
      fitted.setChild(name, fit(buildNode(child, place, source), child, place, source));
    } else {
      throw differs(source, place, child.type, 'nothing');
    }
  }
  return fitted;
}

/** True where a module needs no change: its class is the file's, and where it is quantized, its kind of scales too. */
function sameClass(module: Module, node: StructureNode): boolean {
  if (fileTypeOf(module) !== node.type) return false;
  const quantized = SWAPS.some(({ quantized: { name } }) => name === node.type);
  return !quantized || JSON.stringify(recipeOf(module)?.recipe.config(module)) === JSON.stringify(node.config);
}

/** A module of the file's class in place of another: only between the forms of one layer. */
function replace(module: Module, node: StructureNode, path: string, source: string): Module {
  const wanted = layerNames(node);
  const present = layerNames(structureOf(module));
  const fusedAway = wanted.has('Identity') && FUSED_AWAY.some((name) => present.has(name));
  if (!fusedAway && ![...wanted].some((name) => present.has(name)))
    throw differs(source, path, node.type, fileTypeOf(module));
  const built = buildNode(node, path, source);
  built.training = module.training;
  return built;
}

/** The names of a layer's forms, float and quantized; a form on codes goes by the float class that it holds. */
function layerNames({ type, config }: StructureNode): ReadonlySet<string> {
  const held = (config as { type?: string } | null | undefined)?.type;
  if (type === 'OnCodes' && held !== undefined) return new Set([held]);
  const rows = SWAPS.filter(({ float, quantized }) => float.name === type || quantized.name === type);
  const names = rows.flatMap(({ float, quantized }) => [float.name, quantized.name]);
  return new Set([type, ...names.filter((name) => name !== 'OnCodes')]);
}

function buildNode({ type, config }: StructureNode, path: string, source: string): Module {
  const registered = recipeByName(type);
  if (registered !== undefined && config !== undefined) return registered.recipe.build(config);
  throw new OctavoError(
    'UNSUPPORTED',
    `${source}: ${path === '' ? 'the model' : `'${path}'`} is a ${type}, a class that cannot be built from the file. Give the ` +
      `model to fill, loadQuantized(path, new ${type}(...)), or registerModule(${type}, ...) before saving and loading`,
    { details: { source, path, type, known: registeredNames() } },
  );
}

function differs(source: string, path: string, expected: string, got: string): OctavoError {
  const place = path === '' ? 'the model' : `'${path}'`;
  return new OctavoError(
    'STATE_DICT_MISMATCH',
    `${source}: at ${place} the file has ${expected}, the model ${got}; give a model of the class and sizes that was saved`,
    { details: { source, path, expected, got } },
  );
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
