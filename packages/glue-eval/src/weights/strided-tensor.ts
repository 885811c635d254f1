import { type Dims, DTYPES, formatDims, OctavoError, sizeOf, Tensor, type TypedArray } from '@octavo/core';
import type { StorageType } from './storage-types.js';

/** A storage that a pickle names: its bytes lie in an entry of the archive. */
export class StorageReference {
  constructor(
    readonly type: StorageType,
    /** Name of the entry, in the archive's folder `data`. */
    readonly key: string,
    readonly elements: number,
  ) {}
}

/** A tensor that a pickle describes: a view of a storage, checked to lie in it. Offset and strides are in elements. */
export class StridedTensor {
  readonly dims: Dims;
  readonly strides: readonly number[];

  constructor(
    readonly storage: StorageReference,
    readonly offset: number,
    dims: unknown,
    strides: unknown,
  ) {
    if (!(storage instanceof StorageReference) || !isCounts([offset]) || !isCounts(dims) || !isCounts(strides)) {
      throw malformed('a tensor of a storage, an offset, sizes and strides was expected');
    }
    this.dims = dims;
    this.strides = strides;
    if (dims.length !== strides.length) throw malformed(`${dims.length} sizes and ${strides.length} strides`);
    const size = sizeOf(dims);
    const last = offset + dims.reduce((sum, dim, axis) => sum + (dim - 1) * (strides[axis] as number), 0);
    // More elements than the storage has would be an expanded tensor: no weight, but cheap to write and dear to read.
    if (size > storage.elements || (size > 0 && last >= storage.elements)) {
      throw malformed(
        `a tensor ${formatDims(dims)} with strides ${formatDims(strides)} at ${offset} does not lie in its storage of ` +
          `${storage.elements} elements`,
      );
    }
  }

  /** The tensor, its elements in memory of its own; `storage` holds the storage's elements. */
  materialise(storage: TypedArray): Tensor {
    const { dims, strides, offset } = this;
    const out: TypedArray = new DTYPES[this.storage.type.dtype].array(sizeOf(dims));
    const index = new Array<number>(dims.length).fill(0);
    for (let i = 0, at = offset; i < out.length; i++) {
      out[i] = storage[at] as never;
      for (let axis = dims.length - 1; axis >= 0; axis--) {
        at += strides[axis] as number;
        index[axis] = (index[axis] as number) + 1;
        if (index[axis] !== dims[axis]) break;
        at -= (strides[axis] as number) * (dims[axis] as number);
        index[axis] = 0;
      }
    }
    return new Tensor(this.storage.type.dtype, out as never, dims);
  }
}

/** What is wrong with a pickle; the reader of the file adds its name. */
export function malformed(fault: string): OctavoError {
  return new OctavoError('INVALID_FILE', `its pickle is malformed: ${fault}`);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
