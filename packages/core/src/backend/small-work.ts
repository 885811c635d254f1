import { referenceBackend } from './reference-backend.js';
import { withBackend } from './registry.js';

/** Elements that the reference is through with before a call has entered native code and come back. */
const FEW = 256;

/**
 * Runs `body`, on the reference where its ops are about few elements: the same bits for less time. For those who call
 * once for each of a model's weights, of which there may be thousands of four numbers.
 */
export function withCheapestBackend<R>(elements: number, body: () => R): R {
  return elements > FEW ? body() : withBackend(referenceBackend, body);
}
