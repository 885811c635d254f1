import { didYouMean, OctavoError } from '../errors.js';
import { activeRecorder } from '../ops/recorder.js';
import { formatDims } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { locateError } from './locate-error.js';

const BRAND = Symbol.for('@octavo/Module.v1');

/** Tensors by qualified name: `encoder.layer.0.weight`. */
export type StateDict = Record<string, Tensor>;

/** Runs after a module's forward; may replace its output by returning one. */
export type ForwardHook = (module: Module, inputs: readonly unknown[], output: unknown) => unknown;
/** Runs before a module's forward; may replace its inputs by returning an array. */
export type ForwardPreHook = (module: Module, inputs: readonly unknown[]) => readonly unknown[] | undefined;

/** Any forward: what a base class whose subclasses type their own is parameterised by. */
// biome-ignore lint/suspicious/noExplicitAny: a subclass types its own forward; the base takes any of them.
export type AnyForward = (...inputs: any[]) => any;

/** Takes a hook away again. */
export interface HookHandle {
  remove(): void;
}

/**
 * Base of all float and quantized modules. Children are own properties that are modules, parameters own properties
 * that are tensors; their property names are their names in `stateDict`, as in PyTorch. A module is called by
 * `call`, which runs hooks and tells a trace; subclasses write `forward`.
 *
 * Modules start in evaluation mode (`training` false): this library runs trained models.
 */
// biome-ignore lint/suspicious/noExplicitAny: a subclass types its own forward; the base takes any of them.
export abstract class Module<F extends (...inputs: any[]) => unknown = (...inputs: any[]) => any> {
  training = false;

  constructor() {
    const hidden = { enumerable: false, writable: true, configurable: true };
    Object.defineProperties(this, {
      [BRAND]: { value: true },
      forwardHooks: { ...hidden, value: new Set() },
      forwardPreHooks: { ...hidden, value: new Set() },
      buffers: { ...hidden, value: new Set() },
    });
  }

  /** @internal */ declare readonly forwardHooks: Set<ForwardHook>;
  /** @internal */ declare readonly forwardPreHooks: Set<ForwardPreHook>;
  /**
   * How eager quantization is to treat this module and all below it: a qconfig of @octavo/observers, or null to keep
   * it float. Nothing in core reads it.
   */
  declare qconfig?: object | null;
  /** Names of own tensors that are state but not parameters (running statistics). */
  /** @internal */ declare readonly buffers: Set<string>;

  abstract forward(...inputs: Parameters<F>): ReturnType<F>;

  /** Class name in printed models; quantized forms override it to print as PyTorch does. */
  get typeName(): string {
    return this.constructor.name;
  }

  /** What stands in the parentheses of a printed model: `in_features=8, out_features=2, bias=True`. */
  extraRepr(): string {
    return '';
  }

  /**
   * Runs the module: pre-hooks, `forward`, hooks. An error that arises in it names the path of the module that failed.
   */
  call(...inputs: Parameters<F>): ReturnType<F> {
    try {
      let current: readonly unknown[] = inputs;
      for (const hook of this.forwardPreHooks) current = hook(this, current) ?? current;
      let output = this.runForward(current as Parameters<F>);
      for (const hook of this.forwardHooks)
        output = (hook(this, current, output) as ReturnType<F> | undefined) ?? output;
      return output;
    } catch (error) {
      locateError(error, this);
      throw error;
    }
  }

  private runForward(inputs: Parameters<F>): ReturnType<F> {
    const recorder = activeRecorder();
    recorder?.enter(this);
    try {
      return this.forward(...inputs);
    } finally {
      recorder?.leave(this);
    }
  }

  registerForwardHook(hook: ForwardHook): HookHandle {
    this.forwardHooks.add(hook);
    return { remove: () => void this.forwardHooks.delete(hook) };
  }

  registerForwardPreHook(hook: ForwardPreHook): HookHandle {
    this.forwardPreHooks.add(hook);
    return { remove: () => void this.forwardPreHooks.delete(hook) };
  }

  /** Direct children by name. */
  *namedChildren(): Generator<[string, Module]> {
    for (const [name, value] of Object.entries(this)) if (isModule(value)) yield [name, value];
  }

  /** This module (name '') and all below it, parents first. */
  *namedModules(prefix = ''): Generator<[string, Module]> {
    yield [prefix, this];
    for (const [name, child] of this.namedChildren()) yield* child.namedModules(join(prefix, name));
  }

  /** The module at a dotted path ('' is this one), or an error with the nearest path. */
  getSubmodule(path: string): Module {
    for (const [name, module] of this.namedModules()) if (name === path) return module;
    const known = [...this.namedModules()].map(([name]) => name);
    throw new OctavoError('UNKNOWN_NAME', `no module '${path}' in ${this.typeName}${didYouMean(path, known)}`);
  }

  /** Puts `child` in place of the direct child `name`. */
  setChild(name: string, child: Module): void {
    (this as unknown as Record<string, Module>)[name] = child;
  }

  /** Own tensors by name: parameters and buffers, null ones left out. */
  *namedTensors(): Generator<[string, Tensor]> {
    for (const [name, value] of Object.entries(this)) if (Tensor.is(value)) yield [name, value];
  }

  /** Own tensors that are parameters, not buffers, of this module and all below it. */
  *namedParameters(): Generator<[string, Tensor]> {
    for (const [path, module] of this.namedModules()) {
      for (const [name, tensor] of module.namedTensors()) {
        if (!module.buffers.has(name)) yield [join(path, name), tensor];
      }
    }
  }

  /** What this module alone saves; quantized modules override it with PyTorch's keys. */
  ownState(): StateDict {
    return Object.fromEntries(this.namedTensors());
  }

  /** Takes what `ownState` gave. Only tensors of the names and shapes it already has reach it. */
  loadOwnState(state: StateDict): void {
    Object.assign(this, state);
  }

  /** Names of tensors that PyTorch saves with such a module and this one does not keep: loading passes over them. */
  get ignoredState(): readonly string[] {
    return [];
  }

  /** All tensors by qualified name, shared with the module, not copied. */
  stateDict(): StateDict {
    const state: StateDict = {};
    for (const [path, module] of this.namedModules()) {
      for (const [name, tensor] of Object.entries(module.ownState())) state[join(path, name)] = tensor;
    }
    return state;
  }

  /**
   * Puts tensors in place by qualified name, sharing them. Every name must be known, and with `strict` (the default)
   * every tensor of the module must be given; shapes and dtypes must agree. One error lists all that differs.
   */
  loadStateDict(state: StateDict, { strict = true }: { strict?: boolean } = {}): void {
    const current = this.stateDict();
    const ignored = new Set<string>();
    for (const [path, { ignoredState }] of this.namedModules()) {
      for (const name of ignoredState) ignored.add(join(path, name));
    }
    const unexpected = Object.keys(state).filter((name) => !Object.hasOwn(current, name) && !ignored.has(name));
    const missing = Object.keys(current).filter((name) => !Object.hasOwn(state, name));
    const wrong = Object.entries(current).flatMap(([name, have]) => {
      const given = state[name];
      if (!Object.hasOwn(state, name) || given === undefined) return [];
      if (given.type === have.type && formatDims(given.raw.dims) === formatDims(have.raw.dims)) return [];
      return [
        `${name}: expected ${have.type} ${formatDims(have.raw.dims)}, got ${given.type} ${formatDims(given.raw.dims)}`,
      ];
    });
    const faults = [
      ...(strict && missing.length > 0 ? [`missing: ${missing.join(', ')}`] : []),
      ...(strict && unexpected.length > 0
        ? [`unexpected: ${unexpected.map((name) => name + didYouMean(name, missing)).join(', ')}`]
        : []),
      ...wrong,
    ];
    if (faults.length > 0) {
      throw new OctavoError(
        'STATE_DICT_MISMATCH',
        `state dict does not fit ${this.typeName}: ${faults.join('; ')}. Use { strict: false } to skip missing and unexpected names`,
        { details: { missing, unexpected, wrong } },
      );
    }
    for (const [path, module] of this.namedModules()) {
      const own = Object.keys(module.ownState()).filter((name) => Object.hasOwn(state, join(path, name)));
      if (own.length > 0)
        module.loadOwnState(Object.fromEntries(own.map((name) => [name, state[join(path, name)] as Tensor])));
    }
  }

  /** Training mode (dropout acts) for this module and all below it. */
  train(mode = true): this {
    for (const [, module] of this.namedModules()) module.training = mode;
    return this;
  }

  /** Evaluation mode. */
  eval(): this {
    return this.train(false);
  }

  /** The model as PyTorch prints it: `torch.nn.Module.__repr__`. */
  toString(): string {
    const extra = this.extraRepr();
    const children = this.childrenRepr();
    if (children.length === 0 && !extra.includes('\n')) return `${this.typeName}(${extra})`;
    const lines = [...(extra === '' ? [] : extra.split('\n')), ...children];
    return `${this.typeName}(\n  ${lines.join('\n').replaceAll('\n', '\n  ')}\n)`;
  }

  /** One text a child, as it stands in a printed model. */
  protected childrenRepr(): string[] {
    return [...this.namedChildren()].map(([name, child]) => `(${name}): ${child.toString()}`);
  }
}

/** True for a module of any copy of this package. */
export function isModule(value: unknown): value is Module {
  return typeof value === 'object' && value !== null && BRAND in value;
}

function join(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}.${name}`;
}
