import type { Module, Tensor } from '@octavo/core';

/** Paths of a model's modules and qualified names of its tensors, found by identity. */
export class ModuleNames {
  /** Class names by path, parents first; '' is the root. */
  readonly typeNames = new Map<string, string>();
  private readonly paths = new Map<object, string[]>();
  private readonly parameters = new Map<object, string>();

  /** Without a module (a traced function) there is only the root. */
  constructor(root: Module | null, rootName: string) {
    this.typeNames.set('', rootName);
    for (const [path, module] of root?.namedModules() ?? []) {
      this.typeNames.set(path, module.typeName);
      const paths = this.paths.get(module);
      if (paths === undefined) this.paths.set(module, [path]);
      else paths.push(path);
      for (const [name, tensor] of module.namedTensors()) {
        // A shared tensor goes by the first of its names.
        if (!this.parameters.has(tensor)) this.parameters.set(tensor, path === '' ? name : `${path}.${name}`);
      }
    }
  }

  /**
   * The path of a module entered from `scope`. A module that stands at several paths goes by the one below `scope`;
   * one that the model does not own (made during forward) counts as part of its caller.
   */
  pathOf(module: object, scope: string): string {
    const paths = this.paths.get(module);
    if (paths === undefined) return scope;
    const below = scope === '' ? '' : `${scope}.`;
    return paths.find((path) => path.startsWith(below)) ?? (paths[0] as string);
  }

  parameterName(tensor: Tensor): string | undefined {
    return this.parameters.get(tensor);
  }
}
