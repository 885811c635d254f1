import type { Module } from '@octavo/core';
import { FloatFunctional, QFunctional } from '../stubs/float-functional.js';

/** One call of a module, or of a function of a `FloatFunctional`. */
export interface ModuleCall {
  readonly path: string;
  readonly module: Module;
  /** `call` of modules; `add` and the like of functionals. */
  readonly method: string;
  readonly inputs: readonly unknown[];
  readonly output: unknown;
}

/** The functions of a functional that compute. */
const FUNCTIONS = ['add', 'addRelu', 'mul', 'matmul', 'cat', 'addScalar', 'mulScalar'] as const;

/**
 * Shows `see` every call of these modules; what is returned ends that. A module that stands at several paths goes by
 * the first.
 */
export function watchCalls(modules: Iterable<readonly [string, Module]>, see: (call: ModuleCall) => void): () => void {
  const ends: (() => void)[] = [];
  const known = new Set<Module>();
  for (const [path, module] of modules) {
    if (known.has(module)) continue;
    known.add(module);
    if (module instanceof FloatFunctional || module instanceof QFunctional) {
      ends.push(watchFunctions(path, module, see));
    } else {
      const handle = module.registerForwardHook((_module, inputs, output) => {
        see({ path, module, method: 'call', inputs, output });
      });
      ends.push(() => handle.remove());
    }
  }
  return () => {
    for (const end of ends) end();
  };
}

/** Functionals are not called as modules are, so hooks do not see them: their functions are wrapped for the time. */
function watchFunctions(
  path: string,
  module: FloatFunctional | QFunctional,
  see: (call: ModuleCall) => void,
): () => void {
  for (const method of FUNCTIONS) {
    const value = (...inputs: unknown[]): unknown => {
      const output = (Object.getPrototypeOf(module)[method] as (...inputs: unknown[]) => unknown).apply(module, inputs);
      see({ path, module, method, inputs, output });
      return output;
    };
    Object.defineProperty(module, method, { value, enumerable: false, configurable: true });
  }
  return () => {
    for (const method of FUNCTIONS) Reflect.deleteProperty(module, method);
  };
}
