import { expectedBackend } from '../backend/registry.js';
import { PRIVATE_BYTES } from '../io/safetensors.js';

/** A smaller file is no reason to load the native backend. */
const LARGE_FILE = 2 ** 24;

/**
 * What makes the memory of the tensors of a file: one ArrayBuffer each, not cleared, for all of it will be read into; as the
 * backend likes it that may take it over.
 */
export function allocator(fileBytes: number): (bytes: number) => Uint8Array {
  const backend = fileBytes < LARGE_FILE ? null : expectedBackend();
  return (bytes) =>
    bytes >= PRIVATE_BYTES && backend?.allocate
      ? backend.allocate(bytes)
      : new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
}
