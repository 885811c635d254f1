import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Collects garbage now. Weights lie outside the JavaScript heap, where V8 sees little reason to hurry: without this
 * the weights of one mode would still be there while the next one runs, and peak memory would be that of both.
 */
export async function collectGarbage(): Promise<void> {
  gc ??= exposedGc();
  gc();
  // What was collected frees its native memory from finalizers, which wait for a turn of the event loop.
  await new Promise((resolve) => setImmediate(resolve));
}

let gc: (() => void) | undefined;

function exposedGc(): () => void {
  setFlagsFromString('--expose-gc');
  const exposed = runInNewContext('gc') as unknown;
  setFlagsFromString('--no-expose-gc');
  return typeof exposed === 'function' ? (exposed as () => void) : () => {};
}
