import { OctavoError } from '../errors.js';
import { isRecording } from '../ops/recorder.js';
import { DTYPES, type DType, type DTypeArrays } from './dtype.js';
import { RawTensor } from './raw-tensor.js';
import { sizeOf } from './shape.js';

/** Memory without a tensor: arrays of each dtype by their length. */
class Spare {
  private readonly arrays = new Map<number, DTypeArrays[DType][]>();

  take<T extends DType>(dtype: T, length: number): DTypeArrays[T] | undefined {
    return this.arrays.get(keyOf(dtype, length))?.pop() as DTypeArrays[T] | undefined;
  }

  put(dtype: DType, array: DTypeArrays[DType]): void {
    const key = keyOf(dtype, array.length);
    const alike = this.arrays.get(key);
    if (alike === undefined) this.arrays.set(key, [array]);
    else alike.push(array);
  }
}

const DTYPE_COUNT = Object.keys(DTYPES).length;

function keyOf(dtype: DType, length: number): number {
  return length * DTYPE_COUNT + DTYPES[dtype].code;
}

/** What goes on inside the outermost `tidy`, or `withSpareMemory`. */
interface Scope {
  /** Results of kernels that no `tidy` has freed yet; null outside of any. */
  results: RawTensor[] | null;
  /** Theirs. */
  bytes: number;
  readonly spare: Spare;
}

// One for all copies of this package (ESM and CJS), as for the backend registry. Between calls the spare memory is the
// garbage collector's to take: a program that does something else keeps none of it for long.
const KEY = Symbol.for('@octavo/tidy.v1');
const shared = globalThis as { [KEY]?: { scope: Scope | null; idle: WeakRef<Spare> | null } };
shared[KEY] ??= { scope: null, idle: null };
const state = shared[KEY];

/** Results beyond it are left to the garbage collector: what one call holds at once has a bound. */
const MOST_BYTES = 64 * 2 ** 20;

/**
 * Runs `body` and gives the memory of what ops made in it, and it did not return, to later results. JavaScript tells nobody
 * when a tensor is no longer used: without `tidy` each result is fresh memory, and the garbage collector, which counts
 * its bytes, runs every few calls of an image net.
 *
 *     const logits = tidy(() => model.call(image));
 *
 * Tensors in what is returned (one, or any in arrays and objects) stay, and so do those whose `data` was read. Any later use
 * of another one is a `DISPOSED` error: state that a module keeps for its next call must be read or returned. A `tidy` in
 * another one frees its own results at once, the outer one those that it returned. `body` is synchronous; a promise is an
 * `INVALID_ARGUMENT` error.
 */
export function tidy<R>(body: () => R): R {
  return withSpareMemory((scope) => {
    const outermost = scope.results === null;
    scope.results ??= [];
    try {
      return freeing(scope, scope.results, body);
    } finally {
      if (outermost) scope.results = null;
    }
  });
}

/** @internal Runs `body`, in which results may take memory that came free: in a `tidy`, or by `giveBack`. */
export function withSpareMemory<R>(body: (scope: Scope) => R): R {
  if (state.scope !== null) return body(state.scope);
  state.scope = { results: null, bytes: 0, spare: idleSpare() };
  try {
    return body(state.scope);
  } finally {
    state.scope = null;
  }
}

/** @internal Frees the memory of a tensor that nobody will use any more. */
export function giveBack(raw: RawTensor): void {
  const memory = raw.release();
  if (memory !== null) state.scope?.spare.put(raw.dtype, memory);
}

function freeing<R>(scope: Scope, results: RawTensor[], body: () => R): R {
  const start = results.length;
  const kept = new Set<unknown>();
  try {
    const result = body();
    if (result instanceof Promise) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        '[tidy] expected a synchronous function, got one that returns a promise',
      );
    }
    keep(result, kept);
    return result;
  } finally {
    release(scope, results, start, kept);
  }
}

function idleSpare(): Spare {
  const known = state.idle?.deref();
  if (known !== undefined) return known;
  const spare = new Spare();
  state.idle = new WeakRef(spare);
  return spare;
}

/** Notes all objects that a value holds. */
function keep(value: unknown, kept: Set<unknown>): void {
  if (typeof value !== 'object' || value === null || kept.has(value) || ArrayBuffer.isView(value)) return;
  kept.add(value);
  if (value instanceof RawTensor) return;
  for (const inner of value instanceof Map || value instanceof Set ? value.values() : Object.values(value)) {
    keep(inner, kept);
  }
}

/** Frees the results from `start` on; those that are kept belong to the `tidy` around. */
function release(scope: Scope, results: RawTensor[], start: number, kept: ReadonlySet<unknown>): void {
  let end = start;
  for (let i = start; i < results.length; i++) {
    const result = results[i] as RawTensor;
    if (kept.has(result)) {
      results[end++] = result;
      continue;
    }
    scope.bytes -= bytesOf(result);
    giveBack(result);
  }
  results.length = end;
}

/** @internal Memory for a result, from what came free; undefined where there is none of this length. */
export function spareMemory<T extends DType>(dtype: T, length: number): DTypeArrays[T] | undefined {
  return state.scope?.spare.take(dtype, length);
}

/** @internal Told of each result of a kernel, so that the `tidy` around frees it. A trace keeps what it saw. */
export function noteResult(result: RawTensor): void {
  const { scope } = state;
  if (scope === null || scope.results === null || isRecording()) return;
  const bytes = bytesOf(result);
  if (scope.bytes + bytes > MOST_BYTES) return;
  scope.bytes += bytes;
  scope.results.push(result);
}

function bytesOf({ dtype, dims }: RawTensor): number {
  return sizeOf(dims) * DTYPES[dtype].bytes;
}
