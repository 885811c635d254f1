import { QuantizedTensor, Tensor } from '@octavo/core';
import { leafTensor } from './leaf-nodes.js';
import type { Node } from './node.js';

// A weight that a file holds as codes: octavo::dequantize_linear of constants. Importers leave it so, because floats
// would lose the codes.

const DEQUANTIZE = 'octavo::dequantize_linear';

/** True for floats of constant codes of 8 bits, by one scale or by scales along an axis. */
export function isStoredWeight({ op, attrs, inputs }: Node): boolean {
  if (op !== DEQUANTIZE || attrs.blockSize) return false;
  const tensors = inputs.map((input) => input && leafTensor(input));
  if (tensors.includes(undefined)) return false;
  const [codes, scale] = tensors as [Tensor, Tensor];
  return (codes.type === 'uint8' || codes.type === 'int8') && codes.raw.dims.length > 0 && scale.raw.dims.length <= 1;
}

/**
 * The codes of a stored weight as qint8: uint8 ones are less 128, as their zero points are. One scale for the tensor is
 * repeated for each index of axis 0 with `perChannel`.
 */
export function storedWeight({ attrs, inputs }: Node, perChannel: boolean): QuantizedTensor {
  const [codes, scale, zero] = inputs.map((input) => input && leafTensor(input)) as [Tensor, Tensor, Tensor | null];
  const { dims } = codes.raw;
  const shift = codes.type === 'uint8' ? 128 : 0;
  const given = scale.raw.data as Float32Array;
  const zeros = (zero?.raw.data ?? new Int8Array(given.length)) as Int8Array;
  const isOne = given.length === 1;
  const repeated = isOne && perChannel;
  const count = repeated ? (dims[0] as number) : given.length;
  const axis = ((attrs.axis as number) + dims.length) % dims.length;
  return new QuantizedTensor('qint8', signed(codes), {
    scales: Float32Array.from({ length: count }, (_, i) => given[isOne ? 0 : i] as number),
    zeroPoints: Int32Array.from({ length: count }, (_, i) => (zeros[isOne ? 0 : i] as number) - shift),
    axis: repeated ? 0 : isOne ? null : axis,
  });
}

/** The axis of a stored weight's scales; null for one scale. */
export function storedWeightAxis({ attrs, inputs }: Node): number | null {
  const rank = leafTensor(inputs[0] as never)?.raw.dims.length as number;
  const scales = leafTensor(inputs[1] as never)?.raw.data.length;
  return scales === 1 ? null : ((attrs.axis as number) + rank) % rank;
}

/** Codes of 8 bits as int8. */
function signed({ type, raw }: Tensor): Tensor {
  if (type === 'int8') return new Tensor('int8', raw.data as Int8Array, raw.dims);
  return new Tensor(
    'int8',
    Int8Array.from(raw.data as Uint8Array, (code) => code - 128),
    raw.dims,
  );
}

/** Codes of 8 bits as uint8: int8 ones plus 128. */
export function unsigned({ type, raw }: Tensor): Tensor {
  if (type === 'uint8') return new Tensor('uint8', raw.data as Uint8Array, raw.dims);
  return new Tensor(
    'uint8',
    Uint8Array.from(raw.data as Int8Array, (code) => code + 128),
    raw.dims,
  );
}
