import { float16FromFloat32, float16ToFloat32 } from './float16.js';
import { fma } from './fma.js';
import { clamp, rint } from './round.js';

const f = Math.fround;

/** Widths of codes in embedding tables. */
export type TableBits = 8 | 4 | 2;

/**
 * How the rows of a table lie in bytes, as PyTorch's packed tables do: the codes, 8 / bits in a byte with the first in
 * the lowest bits, then the scale and the bias of the row, little-endian: float32 for 8 bits, float16 for 4 and 2. An
 * element is code * scale + bias.
 */
export class RowwiseLayout {
  readonly perByte: number;
  /** Bytes of a scale, or of a bias. */
  readonly parameterBytes: number;

  constructor(readonly bits: TableBits) {
    this.perByte = 8 / bits;
    this.parameterBytes = bits === 8 ? 4 : 2;
  }

  /** Bytes of a row of `width` elements. */
  rowBytes(width: number): number {
    return width / this.perByte + 2 * this.parameterBytes;
  }

  /** Elements of a row of that many bytes. */
  width(rowBytes: number): number {
    return (rowBytes - 2 * this.parameterBytes) * this.perByte;
  }

  /** Writes one row; `code` gives the code of each element. Scale and bias are rounded to float16 where those are. */
  write(row: Uint8Array, width: number, scale: number, bias: number, code: (i: number) => number): void {
    row.fill(0);
    for (let i = 0; i < width; i++) {
      const at = Math.floor(i / this.perByte);
      row[at] = (row[at] as number) | (code(i) << ((i % this.perByte) * this.bits));
    }
    const view = viewOf(row);
    const at = width / this.perByte;
    if (this.bits === 8) {
      view.setFloat32(at, scale, true);
      view.setFloat32(at + 4, bias, true);
    } else {
      view.setUint16(at, float16FromFloat32(scale), true);
      view.setUint16(at + 2, float16FromFloat32(bias), true);
    }
  }

  /** The code of element i of a row. */
  code(row: Uint8Array, i: number): number {
    return ((row[Math.floor(i / this.perByte)] as number) >> ((i % this.perByte) * this.bits)) & (2 ** this.bits - 1);
  }

  /** The scale and bias of a row, as float32. */
  parameters(row: Uint8Array): { scale: number; bias: number } {
    const view = viewOf(row);
    const at = row.length - 2 * this.parameterBytes;
    if (this.bits === 8) return { scale: view.getFloat32(at, true), bias: view.getFloat32(at + 4, true) };
    return {
      scale: float16ToFloat32(view.getUint16(at, true)),
      bias: float16ToFloat32(view.getUint16(at + 2, true)),
    };
  }
}

/** Layouts by width of codes. */
export const ROWWISE_LAYOUTS = { 8: new RowwiseLayout(8), 4: new RowwiseLayout(4), 2: new RowwiseLayout(2) } as const;

function viewOf(row: Uint8Array): DataView {
  return new DataView(row.buffer, row.byteOffset, row.byteLength);
}

/**
 * Packs one row of finite float32 values (FBGEMM, src/QuantUtils.cc: `FloatOrHalfToFused8BitRowwiseQuantizedSBFloat`
 * and `...NBitRowwiseQuantizedSBHalf`). 8 bits: scale = range / 255, bias = min, code = rint((x - min) *
 * (255 / (range + 1e-8))). 4 and 2 bits: bias = float16(min), scale = float16((max - bias) / (2^bits - 1)), 1 for a row
 * of one value or where its reciprocal overflows, code = rint((x - bias) * (1 / scale)), clamped.
 */
export function packTableRow(values: Float32Array, layout: RowwiseLayout, row: Uint8Array): void {
  let min = values[0] as number;
  let max = min;
  for (const x of values) {
    if (x < min) min = x;
    if (x > max) max = x;
  }
  const code = (bias: number, inverse: number) => (i: number) =>
    clamp(rint(f(f((values[i] as number) - bias) * inverse)), 0, 2 ** layout.bits - 1);
  if (layout.bits === 8) {
    const range = f(max - min);
    const inverse = f(255 / f(range + f(1e-8)));
    layout.write(row, values.length, f(range / 255), min, code(min, inverse));
    return;
  }
  const bias = float16ToFloat32(float16FromFloat32(min));
  const range = f(max - bias);
  let scale = range === 0 ? 1 : float16ToFloat32(float16FromFloat32(f(range / (2 ** layout.bits - 1))));
  if (scale === 0 || !Number.isFinite(f(1 / scale))) scale = 1;
  layout.write(row, values.length, scale, bias, code(bias, f(1 / scale)));
}

/** The float32 values of a packed row: fma(code, scale, bias), in one rounding (seen in PyTorch's 8-bit unpack). */
export function unpackTableRow(row: Uint8Array, layout: RowwiseLayout, values: Float32Array): void {
  const { scale, bias } = layout.parameters(row);
  for (let i = 0; i < values.length; i++) values[i] = fma(layout.code(row, i), scale, bias);
}

/** sum += weight * row, element by element: fma(code, scale * weight, sum + bias * weight) (FBGEMM, EmbeddingSpMDM). */
export function addTableRow(row: Uint8Array, layout: RowwiseLayout, weight: number, sum: Float32Array): void {
  const parameters = layout.parameters(row);
  const scale = f(parameters.scale * weight);
  const bias = f(parameters.bias * weight);
  for (let i = 0; i < sum.length; i++) sum[i] = fma(layout.code(row, i), scale, f((sum[i] as number) + bias));
}
