import { isRecording } from '../ops/recorder.js';
import { QuantizedTensor } from '../tensor/quantized-tensor.js';
import type { RawTensor } from '../tensor/raw-tensor.js';
import { Tensor } from '../tensor/tensor.js';
import { giveBack, withSpareMemory } from '../tensor/tidy.js';
import { isModule, Module } from './module.js';

/**
 * Modules run one after the other. Children are named '0', '1', ... as in PyTorch. What lies between two children that keep
 * nothing gives its memory to later results.
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
    return withSpareMemory(() => {
      let y = x;
      // Whether a child that keeps nothing made it, so that only this loop has it.
      let ours = false;
      // As `namedChildren` goes, without an array for each call.
      for (const name in this) {
        const child: unknown = this[name];
        if (!isModule(child)) continue;
        const next = child.call(y);
        const [from, to] = [rawOf(y), rawOf(next)];
        const forgets = keepsNothing(child);
        if (ours && forgets && from !== null && from !== to) giveBack(from);
        ours = forgets && (ours || from !== to);
        y = next;
      }
      return y;
    });
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

/**
 * True where nobody but the caller has what this module was given and returned: its own class, not one that extends it,
 * says so, and no hook or trace hears of it. A Sequential keeps what its children keep.
 */
function keepsNothing(module: Module): boolean {
  if (module.forwardHooks.size !== 0 || module.forwardPreHooks.size !== 0 || isRecording()) return false;
  const children = module as unknown as Record<string, unknown>;
  if (module.constructor !== Sequential) return Object.hasOwn(module.constructor, 'keepsNothing');
  for (const name in children) {
    const child = children[name];
    if (isModule(child) && !keepsNothing(child)) return false;
  }
  return true;
}

function rawOf(value: unknown): RawTensor | null {
  if (Tensor.is(value)) return value.raw;
  return QuantizedTensor.is(value) ? value.values.raw : null;
}
