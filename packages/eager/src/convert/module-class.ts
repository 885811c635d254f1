import { isModule, Module, nn } from '@octavo/core';

/** A class of modules. */
// biome-ignore lint/suspicious/noExplicitAny: constructors differ, and nobody calls them here.
export type ModuleClass<M extends Module = Module> = abstract new (...args: any[]) => M;

/** True for a class of modules, of this or another copy of core. */
export function isModuleClass(value: unknown): value is ModuleClass {
  return (
    typeof value === 'function' && typeof (value.prototype as Partial<Module> | undefined)?.namedModules === 'function'
  );
}

/**
 * True where a module is of exactly this class, as PyTorch matches types: a subclass may compute something else.
 * A module of another copy of core (ESM beside CommonJS) has other classes, and is matched by the class's name.
 */
export function isExactly(module: unknown, moduleClass: ModuleClass): boolean {
  if (!isModule(module)) return false;
  const own = (module as object).constructor;
  if (own === moduleClass) return true;
  const foreign = !((module as object) instanceof Module);
  return foreign && Object.hasOwn(nn, moduleClass.name) && own.name === moduleClass.name;
}
