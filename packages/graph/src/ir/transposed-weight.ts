import { QuantizedTensor, Tensor } from '@octavo/core';

/**
 * int8 or uint8 codes [in, out], as ONNX's products have them, as the qint8 weight [out, in] that packs. Scale and zero point
 * are one for the tensor or one for each column; uint8 is shifted by 128.
 */
export function transposedWeight({ type, raw }: Tensor, scale: Tensor, zeroPoint: Tensor | null): QuantizedTensor {
  const [rows, columns] = raw.dims as [number, number];
  const shift = type === 'uint8' ? 128 : 0;
  const codes = new Int8Array(rows * columns);
  const from = raw.data as Int8Array;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) codes[j * rows + i] = (from[i * columns + j] as number) - shift;
  }
  const zeros = (zeroPoint?.raw.data ?? [0]) as ArrayLike<number>;
  const given = scale.raw.data as Float32Array;
  const count = given.length === 1 && zeros.length === 1 ? 1 : columns;
  const at = (list: ArrayLike<number>, i: number): number => list[list.length === 1 ? 0 : i] as number;
  return new QuantizedTensor('qint8', new Tensor('int8', codes, [columns, rows]), {
    scales: Float32Array.from({ length: count }, (_, i) => at(given, i)),
    zeroPoints: Int32Array.from({ length: count }, (_, i) => at(zeros, i) - shift),
    axis: count === 1 ? null : 0,
  });
}
