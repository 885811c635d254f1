import { type Attrs, opByName, Tensor } from '@octavo/core';
import { type Cases, dims, floats, integer, type Random } from './random.js';

const WIDTHS = { byte: 8, '4bit': 4, '2bit': 2 } as const;

/** Random operands of the ops over embedding tables of 8, 4 and 2 bits. */
export const EMBEDDING_TABLE_CASES: Cases = {
  'quantized::embedding_bag_prepack': (r) => {
    const bits = [8, 4, 2][integer(r, 0, 2)] as number;
    const [rows, width] = [integer(r, 1, 6), 4 * integer(r, 1, 9)];
    const codes = Tensor.from(
      Array.from({ length: rows * width }, () => integer(r, 0, 2 ** bits - 1)),
      { dtype: 'uint8', dims: [rows, width] },
    );
    const attrs: Attrs = bits === 8 && r() < 0.5 ? {} : { bits };
    return [[codes, floats(r, [rows]), floats(r, [rows])], attrs];
  },
};

/** Some integers below `end`, int64 or int32. */
function integers(r: Random, shape: readonly number[], end: number): Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  return Tensor.from(
    Array.from({ length: count }, () => integer(r, 0, end - 1)),
    { dtype: r() < 0.5 ? 'int64' : 'int32', dims: shape },
  );
}

for (const [name, bits] of Object.entries(WIDTHS)) {
  const prepack = `quantized::embedding_bag_${name}_prepack`;
  const table = (r: Random): Tensor => {
    const weight = floats(r, [integer(r, 1, 9), (8 / bits) * integer(r, 1, 20)]);
    // Rows of one value, and values beyond float16.
    if (r() < 0.2) weight.data.fill(weight.data[0] as number);
    if (r() < 0.1) weight.data[0] = 1e6;
    return weight;
  };
  const packed = (r: Random): Tensor => opByName(prepack).reference([table(r)], {})[0] as Tensor;

  EMBEDDING_TABLE_CASES[prepack] = (r) => [[table(r)], {}];
  EMBEDDING_TABLE_CASES[`quantized::embedding_bag_${name}_unpack`] = (r) => [[packed(r)], {}];
  EMBEDDING_TABLE_CASES[`quantized::embedding_${name}`] = (r) => {
    const rows = packed(r);
    return [[rows, integers(r, dims(r, 0, 3, 5), rows.dims[0] as number)], {}];
  };
  EMBEDDING_TABLE_CASES[`quantized::embedding_bag_${name}_rowwise_offsets`] = (r) => {
    const rows = packed(r);
    const count = integer(r, 0, 12);
    const starts = [0, ...Array.from({ length: integer(r, 0, 4) }, () => integer(r, 0, count)).sort((a, b) => a - b)];
    const last = integer(r, 0, 1);
    const offsets = Tensor.from(starts, { dtype: r() < 0.5 ? 'int64' : 'int32', dims: [starts.length] });
    const attrs: Attrs = last === 0 && r() < 0.5 ? {} : { includeLastOffset: last };
    return [
      [rows, integers(r, [count], rows.dims[0] as number), offsets, r() < 0.5 ? floats(r, [count]) : null],
      attrs,
    ];
  };
}
