import { DTYPES, type DTypeArrays, type RawTensor, type StoredForm, sizeOf } from '@octavo/core';
import { allocate } from './allocate.js';
import type { NativeBackend, PackedHandle } from './native.js';

type WeightDType = 'int8' | 'float32';

/** The elements of a linear's weight in the panels of a native backend. */
class Panels<T extends WeightDType> implements StoredForm<T> {
  constructor(
    readonly native: NativeBackend,
    readonly handle: PackedHandle,
    private readonly type: T,
    private readonly size: number,
  ) {}

  restore(): DTypeArrays[T] {
    const { array, bytes } = DTYPES[this.type];
    const { buffer, byteOffset } = allocate(this.native, this.size * bytes);
    const elements = new array(buffer as ArrayBuffer, byteOffset, this.size);
    this.native.unpack(this.handle, elements);
    return elements as DTypeArrays[T];
  }
}

/** The panels that a weight's elements lie in already, where they are this backend's. */
export function knownPanels(raw: RawTensor, native: NativeBackend): PackedHandle | null {
  return raw.form instanceof Panels && raw.form.native === native ? raw.form.handle : null;
}

/**
 * Packs the weight of a linear. Where no other code has seen it, the panels take the place of its elements, and give them
 * back to whoever asks for them later. pack(elements, given): see `NativeBackend.packLinear`.
 */
export function packWeight<T extends WeightDType>(
  raw: RawTensor<T>,
  native: NativeBackend,
  pack: (elements: DTypeArrays[T], given: boolean) => PackedHandle,
): PackedHandle {
  const { owned } = raw;
  if (owned === null) return pack(raw.peek, false);
  const handle = pack(owned, true);
  raw.give(new Panels(native, handle, raw.dtype, sizeOf(raw.dims)));
  return handle;
}
