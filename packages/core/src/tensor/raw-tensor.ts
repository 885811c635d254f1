import { checkChannelsLast, ordersAgree, rowMajorOf } from './channels-last.js';
import type { DType, DTypeArrays } from './dtype.js';
import type { Dims } from './shape.js';

/** How memory came to a tensor, where that is not by a user's hands. */
export interface MemoryOptions {
  /** The memory lies [batch, ...spatial, channels] under dims [batch, channels, ...spatial]. */
  readonly channelsLast?: boolean;
  /** A kernel made the memory for this tensor alone. */
  readonly unseen?: boolean;
}

/**
 * @internal Dtype, dims and memory of a tensor, unchecked: `Tensor` checks what users give, shape rules what ops make.
 * Shape rules take it as a tensor's meta.
 */
export class RawTensor<T extends DType = DType> {
  readonly dims: Dims;
  /** The elements in the order that they have just now: for kernels, which know both. */
  memory: DTypeArrays[T];
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
    this.memory = memory;
    if (channelsLast) checkChannelsLast(dims);
    this.inChannelsLast = channelsLast && !ordersAgree(dims);
    this.#unseen = unseen;
  }

  /** Row-major, whatever the order of the memory: the first read puts it in order, and there is one truth to write into. */
  get data(): DTypeArrays[T] {
    this.#unseen = false;
    if (this.inChannelsLast) {
      this.memory = rowMajorOf(this.memory, this.dims);
      this.inChannelsLast = false;
    }
    return this.memory;
  }

  /** The data in channels-last order, where that is the tensor's memory just now. */
  get channelsLast(): DTypeArrays[T] | null {
    return this.inChannelsLast ? this.memory : null;
  }

  /** True while kernels alone know the memory, so that no other thread, resize or transfer can change it. */
  get unseen(): boolean {
    return this.#unseen;
  }
}
