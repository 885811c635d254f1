import { OctavoError, type Tensor, widenFloat16Array } from '@octavo/core';

/** A tensor's elements as float32 values: observers cast what they see, as PyTorch's do. */
export function floatValues(observer: string, x: Tensor): ArrayLike<number> {
  if (x.type === 'float16') return widenFloat16Array(x.raw.data as Uint16Array);
  if (x.type === 'int64') {
    throw new OctavoError(
      'INVALID_DTYPE',
      `[${observer}] expected float32, got int64 [${x.raw.dims.join(', ')}]; ids and indices are not observed`,
    );
  }
  if (x.type === 'int32') return Float32Array.from(x.raw.data as Int32Array);
  return x.raw.data as ArrayLike<number>;
}
