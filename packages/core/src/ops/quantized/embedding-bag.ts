import { addTableRow, ROWWISE_LAYOUTS, type TableBits } from '../../numerics/rowwise-table.js';
import { sizeOf } from '../../tensor/shape.js';
import { Tensor } from '../../tensor/tensor.js';
import { bagBounds, integers, rowAt } from '../bags.js';
import { attrNumber, checkRank, dimsOf, floats, shapeError, tensorMeta } from '../check.js';
import type { OpDef } from '../op-def.js';
import { TABLE_NAMES, tableDims, tableRow } from './embedding-table.js';

/**
 * `quantized::embedding_bag_*_rowwise_offsets`, mode sum: packed uint8 [rows, bytes], indices int64 or int32 [n],
 * offsets int64 or int32 [bags], or [bags + 1] with includeLastOffset = 1, perSampleWeights float32 [n] or null
 * -> float32 [bags, width]. Bag b sums weight * row for the indices from offsets[b] up to offsets[b + 1] in order, from
 * 0: sum = fma(code, scale * weight, sum + bias * weight). Offsets begin at 0 and never fall; an empty bag is zeros.
 */
export function tableBag(bits: TableBits, opcode: number): OpDef {
  const layout = ROWWISE_LAYOUTS[bits];
  const name = `quantized::embedding_bag_${TABLE_NAMES[bits]}_rowwise_offsets`;
  return {
    name,
    opcode,
    inputs: ['packed', 'indices', 'offsets', 'perSampleWeights?'],
    attrs: { includeLastOffset: 'int' },
    outputs: ['y'],
    infer([packed, indicesMeta, offsetsMeta, weights], attrs) {
      const [, width] = tableDims(name, layout, packed);
      const indices = tensorMeta(name, 'indices', indicesMeta, 'int64', 'int32').dims;
      const offsets = tensorMeta(name, 'offsets', offsetsMeta, 'int64', 'int32').dims;
      const last = attrNumber(attrs, 'includeLastOffset', 0);
      if (indices.length !== 1 || offsets.length !== 1 || (offsets[0] as number) < last) {
        throw shapeError(name, `indices [n] and offsets [bags${last ? ' + 1' : ''}]`, indices, offsets);
      }
      if (weights !== null && weights !== undefined) {
        const { dims } = tensorMeta(name, 'perSampleWeights', weights, 'float32');
        if (dims.join() !== indices.join()) throw shapeError(name, `perSampleWeights [${indices[0]}]`, dims);
      }
      return [{ dtype: 'float32', dims: [(offsets[0] as number) - last, width] }];
    },
    reference([packed, indices, offsets, weights], attrs) {
      const [rows, width] = tableDims(name, layout, { dtype: 'uint8', dims: dimsOf(packed) });
      const starts = bagBounds(name, integers(offsets), integers(indices).length, attrs.includeLastOffset === 1);
      const bags = starts.length - 1;
      const y = new Float32Array(bags * width);
      for (let bag = 0; bag < bags; bag++) {
        const sum = y.subarray(bag * width, (bag + 1) * width);
        for (let i = starts[bag] as number; i < (starts[bag + 1] as number); i++) {
          const row = rowAt(name, integers(indices), i, rows);
          const weight = weights === null || weights === undefined ? 1 : (floats(weights)[i] as number);
          addTableRow(tableRow(packed, row), layout, weight, sum);
        }
      }
      return [new Tensor('float32', y, [bags, width])];
    },
  };
}

/**
 * `quantized::embedding_byte`, `quantized::embedding_4bit` and the like for 2 bits: packed uint8 [rows, bytes], indices
 * int64 or int32 of any shape -> float32 [...indices, width] = fma(code, scale, bias).
 */
export function tableLookup(bits: TableBits, opcode: number): OpDef {
  const layout = ROWWISE_LAYOUTS[bits];
  const name = `quantized::embedding_${TABLE_NAMES[bits]}`;
  return {
    name,
    opcode,
    inputs: ['packed', 'indices'],
    attrs: {},
    outputs: ['y'],
    infer([packed, indicesMeta]) {
      const [, width] = tableDims(name, layout, packed);
      const { dims } = tensorMeta(name, 'indices', indicesMeta, 'int64', 'int32');
      return [{ dtype: 'float32', dims: checkRank(name, [...dims, width]) }];
    },
    reference([packed, indices]) {
      const [rows, width] = tableDims(name, layout, { dtype: 'uint8', dims: dimsOf(packed) });
      const count = sizeOf(dimsOf(indices));
      const y = new Float32Array(count * width);
      for (let i = 0; i < count; i++) {
        const row = rowAt(name, integers(indices), i, rows);
        addTableRow(tableRow(packed, row), layout, 1, y.subarray(i * width, (i + 1) * width));
      }
      return [new Tensor('float32', y, [...dimsOf(indices), width])];
    },
  };
}
