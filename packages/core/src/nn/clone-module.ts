import type { Module } from './module.js';
import { isModule } from './module.js';

/**
 * A copy of a module tree for conversions that leave the original alone: the structure and the sets of hooks and
 * buffers are copied, tensors and all other values shared. A module that appears twice appears twice in the copy.
 * Classes with `#private` fields cannot be copied this way; modules use `private` ones.
 */
export function cloneModule<M extends Module>(module: M): M {
  return cloneInto(module, new Map()) as M;
}

function cloneInto(module: Module, done: Map<Module, Module>): Module {
  const known = done.get(module);
  if (known !== undefined) return known;
  const copy = Object.create(Object.getPrototypeOf(module)) as Module;
  done.set(module, copy);
  for (const [key, descriptor] of entriesOf(module)) {
    if ('value' in descriptor) {
      if (isModule(descriptor.value)) descriptor.value = cloneInto(descriptor.value, done);
      else if (descriptor.value instanceof Set) descriptor.value = new Set(descriptor.value);
    }
    Object.defineProperty(copy, key, descriptor);
  }
  return copy;
}

function entriesOf(module: Module): [string | symbol, PropertyDescriptor][] {
  return Reflect.ownKeys(module).map((key) => [
    key,
    Object.getOwnPropertyDescriptor(module, key) as PropertyDescriptor,
  ]);
}
