import { DTYPES, type DType, OctavoError, Tensor } from '@octavo/core';
import type { ObservedQParams } from './observed-qparams.js';
import { Observer } from './observer.js';

/** Keeps a copy of every tensor, to look at afterwards (PyTorch's class of that name). Memory: all that it sees. */
export class RecordingObserver extends Observer {
  static override readonly typeName = 'RecordingObserver';
  /** What was seen, in order; copies. */
  tensors: readonly Tensor[] = [];

  observe(x: Tensor): Tensor {
    this.tensors = [...this.tensors, copyOf(x)];
    return x;
  }

  calculateQParams(): ObservedQParams {
    throw new OctavoError(
      'UNSUPPORTED',
      '[RecordingObserver] it records tensors and has no scale and zero point; use MinMaxObserver or HistogramObserver',
    );
  }

  reset(): void {
    this.tensors = [];
  }

  /** The tensors of the other follow. */
  protected override mergeState(other: this): void {
    this.tensors = [...this.tensors, ...other.tensors];
  }

  protected override optionsJSON(): Record<string, unknown> {
    return {};
  }

  /** Values as text, for JSON has neither NaN, nor infinities, nor 64-bit integers, nor -0. */
  protected override stateJSON(): Record<string, unknown> {
    return {
      tensors: this.tensors.map(({ type, raw }) => ({
        dtype: type,
        dims: [...raw.dims],
        values: Array.from(raw.data as ArrayLike<number | bigint>, (x) => (Object.is(x, -0) ? '-0' : String(x))),
      })),
    };
  }

  protected override loadStateJSON({ tensors }: Readonly<Record<string, unknown>>): void {
    if (!Array.isArray(tensors)) {
      throw new OctavoError('INVALID_DATA', '[RecordingObserver.fromJSON] expected a list of tensors in the state');
    }
    this.tensors = tensors.map(tensorFromJSON);
  }
}

function copyOf(x: Tensor): Tensor {
  return new Tensor(x.type, x.raw.data.slice() as never, x.raw.dims);
}

function tensorFromJSON(stored: unknown): Tensor {
  const { dtype, dims, values } = (stored ?? {}) as { dtype?: unknown; dims?: unknown; values?: unknown };
  const known = typeof dtype === 'string' && Object.hasOwn(DTYPES, dtype);
  if (!known || !Array.isArray(dims) || !Array.isArray(values)) {
    throw new OctavoError(
      'INVALID_DATA',
      '[RecordingObserver.fromJSON] expected a dtype, dims and values for each tensor in the state',
    );
  }
  const { array } = DTYPES[dtype as DType];
  const data =
    array === BigInt64Array ? array.from(values, BigInt) : (array as typeof Float32Array).from(values, Number);
  return new Tensor(dtype as DType, data as never, dims);
}
