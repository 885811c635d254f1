import { OctavoError, type OctavoErrorCode } from '@octavo/core';
import type { NativeError } from './native.js';

/** A native error as the OctavoError it stands for; anything else becomes NATIVE_FAILED with its cause. */
export function fromNative(error: unknown): OctavoError {
  const native = error as NativeError;
  const code = (native.octavoCode ?? 'NATIVE_FAILED') as OctavoErrorCode;
  return new OctavoError(code, native.message ?? String(error), { cause: error });
}

/** Runs native code, turning what it throws into OctavoErrors. */
export function callNative<R>(body: () => R): R {
  try {
    return body();
  } catch (error) {
    throw fromNative(error);
  }
}
