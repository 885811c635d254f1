import { isOctavoError } from '../errors.js';
import type { Module } from './module.js';

/** Where an error arose: the module that failed, and the message before any path was put in front of it. */
interface Origin {
  readonly module: Module;
  readonly message: string;
}

const origins = new WeakMap<object, Origin>();

/**
 * Puts the path of the module that failed in front of an error's message, as each module around it hears of the error:
 * `layer1.0.conv1: [quantized::conv] x must be ...`. Errors of others, and modules held in no property, stay as they
 * are.
 */
export function locateError(error: unknown, module: Module): void {
  if (!isOctavoError(error)) return;
  const origin = origins.get(error) ?? { module, message: error.message };
  origins.set(error, origin);
  for (const [path, inner] of module.namedModules()) {
    if (inner !== origin.module || path === '') continue;
    error.message = `${path}: ${origin.message}`;
    return;
  }
}
