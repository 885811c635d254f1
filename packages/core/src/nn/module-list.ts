import { OctavoError } from '../errors.js';
import { Module } from './module.js';

/** Modules in a list, named '0', '1', ... It is no function of its own: iterate over it and call the children. */
export class ModuleList extends Module<() => never> implements Iterable<Module> {
  constructor(modules: Iterable<Module> = []) {
    super();
    for (const module of modules) this.push(module);
  }

  forward(): never {
    throw new OctavoError(
      'UNSUPPORTED',
      '[ModuleList] a list has no forward; call its children: for (const layer of list) x = layer.call(x)',
    );
  }

  push(module: Module): this {
    this.setChild(String(this.length), module);
    return this;
  }

  get length(): number {
    return [...this].length;
  }

  /** The child at `index`; negative ones count from the end. */
  at(index: number): Module | undefined {
    return [...this].at(index);
  }

  /** Neighbours that print alike share a line, as in PyTorch: `(0-5): 6 x BertLayer(...)`. */
  protected override childrenRepr(): string[] {
    const groups: { first: number; count: number; text: string }[] = [];
    for (const [i, child] of [...this].entries()) {
      const text = child.toString();
      const last = groups.at(-1);
      if (last?.text === text) last.count++;
      else groups.push({ first: i, count: 1, text });
    }
    return groups.map(({ first, count, text }) =>
      count === 1 ? `(${first}): ${text}` : `(${first}-${first + count - 1}): ${count} x ${text}`,
    );
  }

  *[Symbol.iterator](): Generator<Module> {
    for (const [, child] of this.namedChildren()) yield child;
  }
}
