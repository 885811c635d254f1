import '../../reference-only.js';
import { describe, expect, it } from 'vitest';
import { float16FromFloat32 } from '../../../src/numerics/float16.js';
import { OP_LIST } from '../../../src/ops/op-table.js';
import * as Q from '../../../src/quantized/index.js';
import { Tensor } from '../../../src/tensor/tensor.js';
import { expectSameBits, goldenCases, itGolden } from '../../golden.js';
import { randomTensor } from '../../random-tensor.js';

const ints = (...values: number[]): Tensor => Tensor.from(values, { dtype: 'int64' });

describe('layout by hand', () => {
  it('8 bits: codes, then scale and bias as float32', () => {
    const packed = Q.embeddingPrepack(Tensor.from([[-1, 0, 254]]));
    expect(packed.raw.dims).toEqual([1, 11]);
    const view = new DataView(packed.raw.data.buffer);
    expect([...packed.raw.data.slice(0, 3)]).toEqual([0, 1, 255]);
    expect([view.getFloat32(3, true), view.getFloat32(7, true)]).toEqual([1, -1]);
    expect(Q.embeddingUnpack(packed).toArray()).toEqual([[-1, 0, 254]]);
  });

  it('4 bits: two codes a byte, the first in the low half; scale and bias as float16', () => {
    const packed = Q.embeddingPrepack(Tensor.from([[1, 2.4, 16, 9]]), { bits: 4 });
    const [scale, bias] = [float16FromFloat32(1), float16FromFloat32(1)];
    const tail = [scale & 255, scale >> 8, bias & 255, bias >> 8];
    expect([...packed.raw.data]).toEqual([0 | (1 << 4), 15 | (8 << 4), ...tail]);
    expect(Q.embeddingUnpack(packed, { bits: 4 }).toArray()).toEqual([[1, 2, 16, 9]]);
  });

  it('2 bits: four codes a byte', () => {
    const packed = Q.embeddingPrepack(Tensor.from([[0, 1, 2, 3]]), { bits: 2 });
    expect(packed.raw.dims).toEqual([1, 5]);
    expect(packed.raw.data[0]).toBe(0 | (1 << 2) | (2 << 4) | (3 << 6));
  });

  it('rows of one value, zeros and tiny ranges come back', () => {
    const weight = Tensor.from([
      [3, 3, 3, 3],
      [0, 0, 0, 0],
      [1e-9, 0, 0, 0],
    ]);
    for (const bits of [8, 4, 2] as const) {
      const y = Q.embeddingUnpack(Q.embeddingPrepack(weight, { bits }), { bits }).toArray() as number[][];
      expect(y.slice(0, 2)).toEqual([
        [3, 3, 3, 3],
        [0, 0, 0, 0],
      ]);
      expect(y[2]?.every((x) => Math.abs(x) <= 1e-9)).toBe(true);
    }
  });

  it('an element is at most half a step away', () => {
    const weight = randomTensor([5, 16], 1);
    for (const bits of [8, 4, 2] as const) {
      const y = Q.embeddingUnpack(Q.embeddingPrepack(weight, { bits }), { bits }).raw.data;
      for (let row = 0; row < 5; row++) {
        const values = weight.raw.data.slice(row * 16, row * 16 + 16);
        // float16 rounds scale and bias of narrow tables: up to 2^-11 of the values more.
        const step = (Math.max(...values) - Math.min(...values)) / (2 ** bits - 1);
        values.forEach((x, i) => {
          expect(Math.abs(x - (y[row * 16 + i] as number))).toBeLessThan(step * 0.51 + 4 * 2 ** -10);
        });
      }
    }
  });
});

describe('lookups and bags', () => {
  const packed = Q.embeddingPrepack(
    Tensor.from([
      [0, 255],
      [255, 510],
      [-255, 0],
    ]),
  );

  it('rows by indices of any shape', () => {
    expect(Q.embedding(packed, Tensor.from([[2], [0]], { dtype: 'int32' })).toArray()).toEqual([
      [[-255, 0]],
      [[0, 255]],
    ]);
  });

  it('sums, weighted sums, empty bags and last offsets', () => {
    const indices = ints(0, 1, 2, 1);
    expect(Q.embeddingBag(packed, indices, ints(0, 2, 2)).toArray()).toEqual([
      [255, 765],
      [0, 0],
      [0, 510],
    ]);
    const perSampleWeights = Tensor.from([2, 0.5, 1, -1]);
    const options = { perSampleWeights, includeLastOffset: true };
    expect(Q.embeddingBag(packed, indices, ints(0, 2, 4), options).toArray()).toEqual([
      [127.5, 765],
      [-510, -510],
    ]);
    expect(Q.embeddingBag(packed, indices, ints(0, 1), { includeLastOffset: true }).toArray()).toEqual([[0, 255]]);
  });

  it('a bag of one is the lookup', () => {
    const weight = randomTensor([6, 8], 4);
    for (const bits of [8, 4, 2] as const) {
      const table = Q.embeddingPrepack(weight, { bits });
      const indices = ints(5, 0, 3);
      expectSameBits(
        `${bits}`,
        Q.embeddingBag(table, indices, ints(0, 1, 2), { bits }),
        Q.embedding(table, indices, { bits }),
      );
    }
  });

  it('a table of codes has bias -zeroPoint * scale', () => {
    const codes = Tensor.from([[0, 3]], { dtype: 'uint8' });
    const parts = { codes, scales: Tensor.from([0.5]), zeroPoints: Tensor.from([1.5]) };
    for (const bits of [8, 4] as const) {
      expect(Q.embeddingUnpack(Q.embeddingPackCodes(parts, { bits }), { bits }).toArray()).toEqual([[-0.75, 0.75]]);
    }
  });
});

describe('errors', () => {
  const packed = Q.embeddingPrepack(Tensor.from([[1, 2]]));

  it('tables and their bytes', () => {
    expect(() => Q.embeddingPrepack(Tensor.from([1, 2]))).toThrow('expected a table [rows, width], got [2]');
    expect(() => Q.embeddingPrepack(Tensor.from([[1, 2, 3]]), { bits: 4 })).toThrow(
      'width a multiple of 2, got [1, 3]',
    );
    expect(() => Q.embeddingPrepack(Tensor.from([[1, Number.NaN]]))).toThrow('element 1 of weight is NaN');
    expect(() => Q.embeddingPrepack(Tensor.from([[1]]), { bits: 3 as never })).toThrow('bits must be 8, 4 or 2, got 3');
    expect(() => Q.embeddingUnpack(Tensor.zeros([2, 8], 'uint8'))).toThrow(
      'expected a packed 8-bit table [rows, 9 or more bytes], got [2, 8]',
    );
    const codes = Tensor.from([[1, 16]], { dtype: 'uint8' });
    const parts = { codes, scales: Tensor.from([1]), zeroPoints: Tensor.from([0]) };
    expect(() => Q.embeddingPackCodes(parts, { bits: 4 })).toThrow('code 16 at position 1 does not fit 4 bits');
    expect(() => Q.embeddingPackCodes({ ...parts, scales: Tensor.from([1, 2]) })).toThrow('1 scales and zero points');
  });

  it('indices, offsets and weights', () => {
    expect(() => Q.embedding(packed, ints(0, 1))).toThrow(
      "[quantized::embedding_byte] index 1 at position 1 is outside the table's 0 to 0",
    );
    expect(() => Q.embeddingBag(packed, ints(0, -1), ints(0))).toThrow('index -1 at position 1');
    expect(() => Q.embeddingBag(packed, ints(0, 0), ints(1))).toThrow('offsets must begin at 0');
    expect(() => Q.embeddingBag(packed, ints(0, 0), ints(0, 2, 1))).toThrow('rise to at most 2');
    expect(() => Q.embeddingBag(packed, ints(0, 0), ints(0), { perSampleWeights: Tensor.from([1]) })).toThrow(
      'expected perSampleWeights [2], got [1]',
    );
    expect(() => Q.embeddingBag(packed, ints(0), ints(), { includeLastOffset: true })).toThrow('offsets [bags + 1]');
  });
});

it('the opcodes of tables are 100 to 112', () => {
  const ours = OP_LIST.filter(({ name }) => /^quantized::embedding/.test(name));
  expect(ours.map(({ opcode }) => opcode)).toEqual(Array.from({ length: 13 }, (_, i) => 100 + i));
});

itGolden('packed bytes, unpacked values and bags are PyTorch’s, bit for bit', () => {
  const bitsOf = (op: string): 8 | 4 | 2 => (op.includes('byte') ? 8 : op.includes('4bit') ? 4 : 2);
  let checked = 0;
  for (const { name, op, params, inputs, outputs } of goldenCases('embedding')) {
    const [bits, tensor] = [bitsOf(op), (role: string) => inputs[role] as Tensor];
    const got: Record<string, () => Tensor> = {
      prepack: () => Q.embeddingPrepack(tensor('weight'), { bits }),
      unpack: () => Q.embeddingUnpack(tensor('packed'), { bits }),
      offsets: () =>
        Q.embeddingBag(tensor('packed'), tensor('indices'), tensor('offsets'), {
          bits,
          perSampleWeights: inputs.per_sample_weights === undefined ? null : tensor('per_sample_weights'),
          includeLastOffset: params.include_last_offset === true,
        }),
    };
    const run = got[op.split('_').at(-1) as string];
    if (run === undefined) continue;
    expectSameBits(name, run(), (outputs.packed ?? outputs.weight ?? outputs.y) as Tensor);
    checked++;
  }
  expect(checked).toBe(36);
});
