import { OctavoError } from '../../errors.js';
import {
  packTableRow,
  ROWWISE_LAYOUTS,
  type RowwiseLayout,
  type TableBits,
  unpackTableRow,
} from '../../numerics/rowwise-table.js';
import { type Dims, sizeOf } from '../../tensor/shape.js';
import { Tensor } from '../../tensor/tensor.js';
import { attrNumber, dimsOf, floats, shapeError, tensorMeta } from '../check.js';
import type { Attrs, OpDef, Operand, OperandMeta } from '../op-def.js';

// Embedding tables in 8, 4 and 2 bits: uint8 tensors in PyTorch's raw byte layout (`numerics/rowwise-table.ts`).

/** `byte`, `4bit`, `2bit`: how PyTorch's op names say a width. */
export const TABLE_NAMES: Readonly<Record<TableBits, string>> = { 8: 'byte', 4: '4bit', 2: '2bit' };

/** The [rows, width] of a table of packed bytes, refused where the bytes cannot be one. */
export function tableDims(op: string, layout: RowwiseLayout, packed: OperandMeta | null | undefined): [number, number] {
  const { dims } = tensorMeta(op, 'packed', packed, 'uint8');
  const width = dims.length === 2 ? layout.width(dims[1] as number) : 0;
  const least = layout.rowBytes(layout.perByte);
  if (width < 1) throw shapeError(op, `a packed ${layout.bits}-bit table [rows, ${least} or more bytes]`, dims);
  return [dims[0] as number, width];
}

/** The bytes of one row of a table. */
export function tableRow(packed: Operand | null | undefined, row: number): Uint8Array {
  const { data, dims } = (packed as Tensor<'uint8'>).raw;
  const bytes = dims[1] as number;
  return data.subarray(row * bytes, (row + 1) * bytes);
}

/** The dims of the packed table of [rows, width] elements. */
function packedDims(op: string, layout: RowwiseLayout, dims: Dims): [number, number] {
  const [rows, width] = dims;
  if (dims.length === 2 && (width as number) > 0 && (width as number) % layout.perByte === 0) {
    return [rows as number, layout.rowBytes(width as number)];
  }
  const unit = layout.perByte === 1 ? '' : `, width a multiple of ${layout.perByte}`;
  throw shapeError(op, `a table [rows, width]${unit}`, dims);
}

/** `quantized::embedding_bag_*_prepack`: weight float32 [rows, width], finite -> packed uint8 [rows, bytes]. */
export function tablePrepack(bits: TableBits, opcode: number): OpDef {
  const layout = ROWWISE_LAYOUTS[bits];
  const name = `quantized::embedding_bag_${TABLE_NAMES[bits]}_prepack`;
  return {
    name,
    opcode,
    inputs: ['weight'],
    attrs: {},
    outputs: ['packed'],
    infer([weight]) {
      return [{ dtype: 'uint8', dims: packedDims(name, layout, tensorMeta(name, 'weight', weight, 'float32').dims) }];
    },
    reference([weight]) {
      const width = dimsOf(weight)[1] as number;
      const values = floats(weight);
      checkFinite(name, 'weight', values);
      const packed = Tensor.zeros(packedDims(name, layout, dimsOf(weight)), 'uint8');
      for (let row = 0; row < (dimsOf(weight)[0] as number); row++) {
        packTableRow(values.subarray(row * width, (row + 1) * width), layout, tableRow(packed, row));
      }
      return [packed];
    },
  };
}

/** `quantized::embedding_bag_*_unpack`: packed uint8 [rows, bytes] -> weight float32 [rows, width]. */
export function tableUnpack(bits: TableBits, opcode: number): OpDef {
  const layout = ROWWISE_LAYOUTS[bits];
  const name = `quantized::embedding_bag_${TABLE_NAMES[bits]}_unpack`;
  return {
    name,
    opcode,
    inputs: ['packed'],
    attrs: {},
    outputs: ['weight'],
    infer([packed]) {
      return [{ dtype: 'float32', dims: tableDims(name, layout, packed) }];
    },
    reference([packed]) {
      const [rows, width] = tableDims(name, layout, { dtype: 'uint8', dims: dimsOf(packed) });
      const weight = new Float32Array(rows * width);
      for (let row = 0; row < rows; row++) {
        unpackTableRow(tableRow(packed, row), layout, weight.subarray(row * width, (row + 1) * width));
      }
      return [new Tensor('float32', weight, [rows, width])];
    },
  };
}

/**
 * PyTorch's `quantized::embedding_bag_prepack` of a tensor quantized per row with float zero points: codes uint8
 * [rows, width], one a byte, scales and zeroPoints float32 [rows], bits 8, 4 or 2 -> packed uint8 [rows, bytes] with
 * bias = -(zeroPoint * scale). Codes beyond the bits are refused.
 */
export const tableFromCodes: OpDef = {
  name: 'quantized::embedding_bag_prepack',
  opcode: 112,
  inputs: ['codes', 'scales', 'zeroPoints'],
  attrs: { bits: 'int' },
  outputs: ['packed'],
  infer([codesMeta, scalesMeta, zeroPointsMeta], attrs) {
    const { dims } = tensorMeta(this.name, 'codes', codesMeta, 'uint8');
    const packed = packedDims(this.name, layoutOf(this.name, attrs), dims);
    const scales = tensorMeta(this.name, 'scales', scalesMeta, 'float32');
    const zeroPoints = tensorMeta(this.name, 'zeroPoints', zeroPointsMeta, 'float32');
    if (sizeOf(scales.dims) !== packed[0] || sizeOf(zeroPoints.dims) !== packed[0]) {
      throw shapeError(this.name, `${packed[0]} scales and zero points`, scales.dims, zeroPoints.dims);
    }
    return [{ dtype: 'uint8', dims: packed }];
  },
  reference([codes, scales, zeroPoints], attrs) {
    const layout = layoutOf(this.name, attrs);
    const { data, dims } = (codes as Tensor<'uint8'>).raw;
    const [rows, width] = dims as [number, number];
    const wrong = data.findIndex((code) => code >= 2 ** layout.bits);
    if (wrong >= 0) {
      throw new OctavoError(
        'INVALID_DATA',
        `[${this.name}] code ${data[wrong]} at position ${wrong} does not fit ${layout.bits} bits; quantize with codes 0 to ${2 ** layout.bits - 1}`,
      );
    }
    const packed = Tensor.zeros(packedDims(this.name, layout, dims), 'uint8');
    for (let row = 0; row < rows; row++) {
      const scale = floats(scales)[row] as number;
      const bias = -Math.fround((floats(zeroPoints)[row] as number) * scale);
      layout.write(tableRow(packed, row), width, scale, bias, (i) => data[row * width + i] as number);
    }
    return [packed];
  },
};

function layoutOf(op: string, attrs: Attrs): RowwiseLayout {
  const bits = attrNumber(attrs, 'bits', 8);
  if (bits === 8 || bits === 4 || bits === 2) return ROWWISE_LAYOUTS[bits];
  throw new OctavoError('INVALID_ARGUMENT', `[${op}] bits must be 8, 4 or 2, got ${bits}`);
}

function checkFinite(op: string, name: string, data: Float32Array): void {
  const at = data.findIndex((x) => !Number.isFinite(x));
  if (at < 0) return;
  throw new OctavoError(
    'INVALID_DATA',
    `[${op}] element ${at} of ${name} is ${data[at]}; a table must be finite to be quantized. Check the file it was loaded from`,
  );
}
