import type { NativeBackend } from './native.js';

const CACHE_LINE = 64;

/** Memory that is not cleared and starts on a cache line. */
export function allocate(native: NativeBackend, bytes: number): Uint8Array {
  const buffer = Buffer.allocUnsafeSlow(bytes + CACHE_LINE).buffer as ArrayBuffer;
  return new Uint8Array(buffer, native.alignedOffset(buffer), bytes);
}
