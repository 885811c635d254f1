import type { Tensor } from '@octavo/core';

/** What a row throws whose result is wrong: it is not timed. */
export class WrongResult extends Error {}

/** |a - b| / |b|, 2-norms. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += ((a[i] as number) - (b[i] as number)) ** 2;
    norm += (b[i] as number) ** 2;
  }
  return Math.sqrt(difference / norm);
}

/** Returns the relative error, or throws where it is above `limit` or no number. */
export function checkClose(what: string, a: ArrayLike<number>, b: ArrayLike<number>, limit: number): number {
  const error = a.length === b.length ? relativeError(a, b) : Number.NaN;
  if (error <= limit) return error;
  throw new WrongResult(`${what}: relative error ${error.toPrecision(3)}, at most ${limit} is right`);
}

/** Throws unless the bits of two float tensors agree. */
export function checkSameBits(what: string, a: Tensor, b: Tensor): void {
  const [left, right] = [bits(a), bits(b)];
  const at = left.length === right.length ? left.findIndex((value, i) => value !== right[i]) : 0;
  if (at >= 0) throw new WrongResult(`${what}: the bits differ, first at element ${at} of ${left.length}`);
}

function bits(tensor: Tensor): Int32Array {
  const { buffer, byteOffset, length } = tensor.raw.data as Float32Array;
  return new Int32Array(buffer, byteOffset, length);
}
