import type { DType, DTypeArrays } from './dtype.js';
import { RawTensor, type StoredForm } from './raw-tensor.js';
import type { Dims } from './shape.js';

/**
 * @internal A tensor whose memory no other code has seen: nobody can write to it, detach or transfer it. So a backend may
 * read it where it lies for as long as it likes, or take it over and hold the elements there in a form of its own.
 * Whoever asks for `data` may do all those things to it: he gets the memory itself where no backend has it, else a
 * copy, and that is the tensor's memory from then on.
 */
export class PrivateMemory<T extends DType> extends RawTensor<T> {
  #lent = false;
  #form: StoredForm<T> | null = null;

  constructor(dtype: T, dims: Dims, memory: DTypeArrays[T]) {
    super(dtype, dims, memory, { unseen: true });
  }

  override get memory(): DTypeArrays[T] {
    this.held ??= (this.#form as StoredForm<T>).restore();
    return this.held;
  }

  override get data(): DTypeArrays[T] {
    if (this.unseen) {
      if (this.#lent) this.held = this.memory.slice() as DTypeArrays[T];
      else this.held = this.memory;
      this.#form = null;
    }
    return super.data;
  }

  override get peek(): DTypeArrays[T] {
    return this.held ?? (this.#form as StoredForm<T>).restore();
  }

  override get form(): StoredForm<T> | null {
    return this.#form;
  }

  override lend(): DTypeArrays[T] | null {
    if (!this.unseen) return null;
    this.#lent = true;
    return this.memory;
  }

  override get owned(): DTypeArrays[T] | null {
    return this.unseen && !this.#lent ? this.held : null;
  }

  override give(form: StoredForm<T>): void {
    if (this.owned === null) throw new Error('only owned memory can be given away');
    this.#form = form;
    this.held = null;
  }

  /** Kernels' results alone are released: a weight is used again. */
  override release(): null {
    return null;
  }
}
