import { OctavoError, Tensor, widenFloat16Array } from '@octavo/core';

/** A tensor as float32: observers cast what they see, as PyTorch's do. */
export function floatTensor(observer: string, x: Tensor): Tensor<'float32'> {
  const { data, dims } = x.raw;
  if (x.type === 'float32') return x as Tensor<'float32'>;
  if (x.type === 'float16') return new Tensor('float32', widenFloat16Array(data as Uint16Array), dims);
  if (x.type === 'int64') {
    throw new OctavoError(
      'INVALID_DTYPE',
      `[${observer}] expected float32, got int64 [${dims.join(', ')}]; ids and indices are not observed`,
    );
  }
  return new Tensor('float32', Float32Array.from(data as ArrayLike<number>), dims);
}
