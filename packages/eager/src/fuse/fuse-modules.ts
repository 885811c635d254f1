import { cloneModule, isModule, type Module, nn, OctavoError } from '@octavo/core';
import { checkOptions } from '../convert/check-options.js';
import { withBatchNormFolded } from './fold.js';
import { type Fused, FusedBatchNorm, FusedConv, FusedLinear } from './fused.js';
import { knownPatterns, type Pattern, patternAtStart, patternOf, rankOf } from './patterns.js';
import { runningOrder } from './running-order.js';

export interface FuseOptions {
  /** Changes the model that was given instead of a copy of it. */
  inplace?: boolean;
  /**
   * What the model is called with once, so that modules which no Sequential holds fuse as well: those where the output
   * of one goes to the next and nowhere else.
   */
  inputs?: readonly unknown[];
}

/** Names of modules in their order: one sequence to fuse, or several. */
export type FuseNames = readonly string[] | readonly (readonly string[])[];

/**
 * Joins modules that are to be quantized as one (PyTorch's `fuse_modules`): the fused module stands where the first of
 * them was, an Identity where the others were. conv-bn, conv-bn-relu, conv-relu, the same with relu6 and with linears,
 * bn-relu and convTranspose-bn fuse. In evaluation mode a batch norm is folded into the weights; in training mode it is
 * kept.
 *
 * `names` are dotted paths, `['conv1', 'bn1', 'relu']` or a list of such lists. Without names the sequences are found:
 * neighbours in every Sequential, and with `inputs` also modules that run one after the other.
 */
export function fuseModules<M extends Module>(model: M, names?: FuseNames | null, options?: FuseOptions): M;
export function fuseModules<M extends Module>(model: M, options: FuseOptions): M;
export function fuseModules<M extends Module>(
  model: M,
  namesOrOptions: FuseNames | FuseOptions | null = null,
  given: FuseOptions = {},
): M {
  if (!isModule(model)) throw invalid(`expected a module, got ${model === null ? 'null' : typeof model}`);
  const names = Array.isArray(namesOrOptions) ? (namesOrOptions as FuseNames) : null;
  const options = names === null && namesOrOptions !== null ? (namesOrOptions as FuseOptions) : given;
  checkOptions('fuseModules', options, ['inplace', 'inputs']);
  const target = options.inplace === true ? model : cloneModule(model);
  const groups = names === null ? foundGroups(target, options.inputs) : listOfLists(names);
  // All are checked and made before the first is put in place: an error leaves a model that was given `inplace` whole.
  const fused = groups.map((paths) => ({ paths, modules: fuse(target, paths) }));
  for (const { paths, modules } of fused) {
    paths.forEach((path, i) => {
      const dot = path.lastIndexOf('.');
      target.getSubmodule(path.slice(0, Math.max(dot, 0))).setChild(path.slice(dot + 1), modules[i] as Module);
    });
  }
  return target;
}

function listOfLists(names: FuseNames): readonly (readonly string[])[] {
  const groups = names.every((name) => typeof name === 'string') ? [names as readonly string[]] : names;
  const lists = groups as readonly (readonly string[])[];
  const seen = new Set<string>();
  for (const path of lists.flat()) {
    if (typeof path !== 'string') throw invalid(`names are dotted paths of modules, got ${String(path)}`);
    if (seen.has(path)) throw invalid(`'${path}' is named twice; a module is part of one fusion`);
    seen.add(path);
  }
  return lists.filter((list) => list.length > 0);
}

/** Paths of the sequences that fuse by themselves. */
export function foundGroups(model: Module, inputs: readonly unknown[] | undefined): string[][] {
  const chains = [...model.namedModules()]
    .filter(([, module]) => module.typeName === 'Sequential')
    .map(([path, module]) =>
      [...module.namedChildren()].map(([name, child]) => [path === '' ? name : `${path}.${name}`, child] as const),
    );
  if (inputs !== undefined) chains.push(...runningOrder(model, inputs));
  const counts = new Map<Module, number>();
  for (const [, module] of model.namedModules()) counts.set(module, (counts.get(module) ?? 0) + 1);
  const taken = new Set<string>();
  const groups: string[][] = [];
  for (const chain of chains) {
    for (let i = 0; i < chain.length; i++) {
      const pattern = patternAtStart(chain.slice(i).map(([, module]) => module));
      if (pattern === undefined) continue;
      const part = chain.slice(i, i + pattern.parts.length);
      // A module that the model holds twice has work to do elsewhere.
      if (part.some(([path, module]) => taken.has(path) || (counts.get(module) ?? 0) > 1)) continue;
      const paths = part.map(([path]) => path);
      for (const path of paths) taken.add(path);
      groups.push(paths);
      i += part.length - 1;
    }
  }
  return groups;
}

/** The modules for the places of one sequence: the fused one, then Identities. */
function fuse(model: Module, paths: readonly string[]): Module[] {
  const modules = paths.map((path) => model.getSubmodule(path));
  const pattern = patternOf(modules);
  const place = `${paths.join(', ')} (${modules.map(({ typeName }) => typeName).join(', ')})`;
  if (pattern === undefined) {
    throw new OctavoError(
      'UNSUPPORTED',
      `[fuseModules] ${place} is no sequence that fuses; known, each with one number of spatial axes: ${knownPatterns()}`,
      { details: { paths, types: modules.map(({ typeName }) => typeName) } },
    );
  }
  const first = modules[0] as Module;
  if (modules.some(({ training }) => training !== first.training)) {
    throw invalid(`${place}: all must be in one mode; call model.eval() or model.train() on the whole model`);
  }
  const fused = fusedModule(pattern, modules, place);
  fused.training = first.training;
  for (const hook of first.forwardPreHooks) fused.registerForwardPreHook(hook);
  for (const hook of (modules.at(-1) as Module).forwardHooks) fused.registerForwardHook(hook);
  if ('qconfig' in first) fused.qconfig = (first as Module).qconfig as object | null;
  return [fused, ...modules.slice(1).map(() => new nn.Identity().train(first.training))];
}

function fusedModule(pattern: Pattern, modules: readonly Module[], place: string): Module {
  const [given, ...rest] = modules as [Module, ...Module[]];
  for (const module of [given, ...rest].slice(1, -1)) refuseHooks(module, place);
  const first = plainCopy(given);
  const others = rest.map(plainCopy);
  const keeps = given.training && pattern.trainingName !== undefined;
  if (given.training && !keeps && pattern.parts.includes('bn') && pattern.parts[0] !== 'bn') {
    throw invalid(`${place}: its batch norm can only be folded in evaluation mode; call model.eval() first`);
  }
  const rank = String(rankOf(given));
  if (keeps) return make(pattern.trainingName as string, first, others);
  const folds = pattern.parts.indexOf('bn', 1);
  const base =
    folds < 0 ? first : withBatchNormFolded(first as nn.ConvNd | nn.Linear, others[folds - 1] as nn.BatchNorm);
  if (pattern.name === '') return base;
  return make(
    pattern.name,
    base,
    others.filter((_, i) => i !== folds - 1),
  );

  function make(name: string, base: Module, behind: readonly Module[]): Fused {
    const kind = { name: name.replace('#', rank), activation: pattern.activation };
    const parts: [never, ...Module[]] = [base as never, ...behind];
    const [part] = pattern.parts;
    if (part === 'linear') return new FusedLinear(kind, parts);
    return part === 'bn' ? new FusedBatchNorm(kind, parts) : new FusedConv(kind, parts);
  }
}

/** A hook between two modules has nothing to look at once they are one. */
function refuseHooks({ typeName, forwardHooks, forwardPreHooks }: Module, place: string): void {
  if (forwardHooks.size === 0 && forwardPreHooks.size === 0) return;
  throw invalid(
    `${place}: ${typeName} has hooks that would look into the middle of the fused module; remove them first`,
  );
}

/** The module without hooks and qconfig, which go to the fused one. */
function plainCopy(module: Module): Module {
  const copy = cloneModule(module);
  copy.forwardHooks.clear();
  copy.forwardPreHooks.clear();
  delete (copy as { qconfig?: unknown }).qconfig;
  return copy;
}

function invalid(message: string): OctavoError {
  return new OctavoError('INVALID_ARGUMENT', `[fuseModules] ${message}`);
}
