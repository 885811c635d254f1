import { OctavoError } from '../errors.js';
import { checkChannelsLast, ordersAgree, rowMajorOf } from './channels-last.js';
import type { DType, DTypeArrays } from './dtype.js';
import { type Dims, formatDims } from './shape.js';

/** How memory came to a tensor, where that is not by a user's hands. */
export interface MemoryOptions {
  /** The memory lies [batch, ...spatial, channels] under dims [batch, channels, ...spatial]. */
  readonly channelsLast?: boolean;
  /** A kernel made the memory for this tensor alone. */
  readonly unseen?: boolean;
}

/** What holds the elements of a tensor in an order of its own. */
export interface StoredForm<T extends DType = DType> {
  /** The elements, in new memory. */
  restore(): DTypeArrays[T];
}

/**
 * @internal Dtype, dims and memory of a tensor, unchecked: `Tensor` checks what users give, shape rules what ops make.
 * Shape rules take it as a tensor's meta.
 */
export class RawTensor<T extends DType = DType> {
  readonly dims: Dims;
  /** Null once it was released or given away. */
  protected held: DTypeArrays[T] | null;
  private inChannelsLast: boolean;
  // Hidden: tensors that are equal may differ in it.
  #unseen: boolean;

  /** Frozen dims are kept, others copied. */
  constructor(
    readonly dtype: T,
    dims: Dims,
    memory: DTypeArrays[T],
    { channelsLast = false, unseen = false }: MemoryOptions = {},
  ) {
    this.dims = Object.isFrozen(dims) ? dims : Object.freeze(dims.slice());
    this.held = memory;
    if (channelsLast) checkChannelsLast(dims);
    this.inChannelsLast = channelsLast && !ordersAgree(dims);
    this.#unseen = unseen;
  }

  /** The elements in the order that they have just now: for kernels, which know both. */
  get memory(): DTypeArrays[T] {
    if (this.held !== null) return this.held;
    throw new OctavoError(
      'DISPOSED',
      `[Tensor] the tensor of dims ${formatDims(this.dims)} was made in a tidy() that has ended, and its memory holds other ` +
        'results; return it from there, or read its data there',
    );
  }

  /** Row-major, whatever the order of the memory: the first read puts it in order, and there is one truth to write into. */
  get data(): DTypeArrays[T] {
    this.#unseen = false;
    if (this.inChannelsLast) {
      this.held = rowMajorOf(this.memory, this.dims);
      this.inChannelsLast = false;
    }
    return this.memory;
  }

  /** Takes the memory away for another tensor; null where somebody may know it. */
  release(): DTypeArrays[T] | null {
    if (!this.#unseen) return null;
    const { held } = this;
    this.held = null;
    this.#unseen = false;
    return held;
  }

  /** The data in channels-last order, where that is the tensor's memory just now. */
  get channelsLast(): DTypeArrays[T] | null {
    return this.inChannelsLast ? this.memory : null;
  }

  /** True while kernels alone know the memory, so that no other thread, resize or transfer can change it. */
  get unseen(): boolean {
    return this.#unseen;
  }

  /** Row-major, for a reader that neither keeps it nor writes to it nor hands it on: nobody has seen it then. */
  get peek(): DTypeArrays[T] {
    return this.inChannelsLast ? this.data : this.memory;
  }

  /** The memory, for a backend that reads it for as long as it likes; null where others may write to it. */
  lend(): DTypeArrays[T] | null {
    return null;
  }

  /** The memory, for a backend to put another form of the elements there and then `give` it; null where it must stay. */
  get owned(): DTypeArrays[T] | null {
    return null;
  }

  /** Gives `owned` away: `form` holds the elements from now on, and whoever reads them gets them from there. */
  give(_form: StoredForm<T>): void {
    throw new Error('only owned memory can be given away');
  }

  /** What holds the elements since the memory was given away. */
  get form(): StoredForm<T> | null {
    return null;
  }
}
