import { isModule, Module } from './module.js';

/**
 * Modules run one after the other. Children are named '0', '1', ... as in PyTorch.
 */
// biome-ignore lint/suspicious/noExplicitAny: what goes in and out is the children's affair.
export class Sequential extends Module<(x: any) => any> implements Iterable<Module> {
  constructor(...modules: readonly Module[]) {
    super();
    modules.forEach((module, i) => {
      this.setChild(String(i), module);
    });
  }

  // biome-ignore lint/suspicious/noExplicitAny: as above.
  forward(x: any): any {
    let y = x;
    // As `namedChildren` goes, without an array for each call.
    for (const name in this) {
      const child: unknown = this[name];
      if (isModule(child)) y = child.call(y);
    }
    return y;
  }

  get length(): number {
    return [...this].length;
  }

  /** The child at `index`; negative ones count from the end. */
  at(index: number): Module | undefined {
    return [...this].at(index);
  }

  *[Symbol.iterator](): Generator<Module> {
    for (const [, child] of this.namedChildren()) yield child;
  }
}
