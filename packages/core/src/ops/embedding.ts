import { OctavoError } from '../errors.js';
import { sizeOf } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { checkRank, dimsOf, floats, shapeError, tensorMeta } from './check.js';
import type { OpDef } from './op-def.js';

/**
 * Rows of a table by id: weight [entries, width] float32, ids int64 or int32 of any shape -> [...ids, width] float32.
 * An id outside 0 to entries - 1 is an INVALID_DATA error that names it.
 */
export const embedding: OpDef = {
  name: 'aten::embedding',
  opcode: 21,
  inputs: ['weight', 'ids'],
  attrs: {},
  outputs: ['y'],
  infer([weightMeta, idsMeta]) {
    const weight = tensorMeta(this.name, 'weight', weightMeta, 'float32');
    const ids = tensorMeta(this.name, 'ids', idsMeta, 'int64', 'int32');
    if (weight.dims.length !== 2) throw shapeError(this.name, 'weight [entries, width]', weight.dims);
    return [{ dtype: 'float32', dims: checkRank(this.name, [...ids.dims, weight.dims[1] as number]) }];
  },
  reference([weight, ids]) {
    const [entries, width] = dimsOf(weight) as [number, number];
    const table = floats(weight);
    const rows = (ids as Tensor<'int64' | 'int32'>).raw.data;
    const y = new Float32Array(sizeOf(dimsOf(ids)) * width);
    for (let i = 0; i < rows.length; i++) {
      const id = Number(rows[i]);
      if (id < 0 || id >= entries) throw idOutOfRange(rows[i] as number | bigint, i, entries);
      y.set(table.subarray(id * width, (id + 1) * width), i * width);
    }
    return [new Tensor('float32', y, [...dimsOf(ids), width])];
  },
};

function idOutOfRange(id: number | bigint, position: number, entries: number): OctavoError {
  return new OctavoError(
    'INVALID_DATA',
    `[aten::embedding] id ${id} at position ${position} is outside the table's 0 to ${entries - 1}; ` +
      'does the tokenizer belong to this model?',
    { details: { id: String(id), position, entries } },
  );
}
