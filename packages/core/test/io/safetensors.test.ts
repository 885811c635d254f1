import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOctavoError } from '../../src/errors.js';
import { duplicateKey } from '../../src/io/json-keys.js';
import { decodeSafetensors, encodeSafetensors } from '../../src/io/safetensors.js';
import { DTYPES, type DType, type TypedArray } from '../../src/tensor/dtype.js';
import { sizeOf } from '../../src/tensor/shape.js';
import { Tensor } from '../../src/tensor/tensor.js';

/** A file of a header and data, given as they are. */
function file(header: unknown, data: Uint8Array | number = 0): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + (typeof data === 'number' ? data : data.length));
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  if (typeof data !== 'number') bytes.set(data, 8 + json.length);
  return bytes;
}

const entry = (dtype: string, shape: number[], begin: number, end: number): object => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

const anyTensor = fc
  .record({
    dtype: fc.constantFrom(...(Object.keys(DTYPES) as DType[])),
    dims: fc.array(fc.nat(4), { maxLength: 3 }),
    seed: fc.nat(200),
  })
  .map(({ dtype, dims, seed }) => {
    const bytes = Uint8Array.from({ length: sizeOf(dims) * DTYPES[dtype].bytes }, (_, i) => (i * 7 + seed) % 120);
    const Elements = DTYPES[dtype].array as new (buffer: ArrayBuffer) => TypedArray;
    return new Tensor(dtype, new Elements(bytes.buffer), dims);
  });
const anyName = fc.string().filter((name) => name !== '__proto__' && name !== '__metadata__');
const anyTensors = fc.dictionary(anyName, anyTensor, { maxKeys: 6 });

describe('safetensors', () => {
  it('come back the same, of every dtype, with their metadata', () => {
    fc.assert(
      fc.property(
        anyTensors,
        fc.dictionary(
          fc.string().filter((key) => key !== '__proto__'),
          fc.string(),
          { maxKeys: 3 },
        ),
        fc.nat(7),
        (tensors, metadata, shift) => {
          const bytes = encodeSafetensors(tensors, metadata);
          const shifted = new Uint8Array(bytes.length + shift).subarray(shift);
          shifted.set(bytes);
          const back = decodeSafetensors(shifted);
          expect(back.metadata).toEqual({ ...metadata });
          expect(Object.keys(back.tensors).sort()).toEqual(Object.keys(tensors).sort());
          for (const [name, tensor] of Object.entries(tensors)) {
            const got = back.tensors[name] as Tensor;
            expect([got.type, got.raw.dims]).toEqual([tensor.type, tensor.raw.dims]);
            expect(got.raw.data).toEqual(tensor.raw.data);
          }
        },
      ),
    );
  });

  it('start their data on a multiple of 64 bytes, each tensor aligned for its type', () => {
    const bytes = encodeSafetensors({
      a: Tensor.zeros([3], 'int8'),
      b: Tensor.zeros([5]),
      c: Tensor.zeros([16]),
      d: Tensor.zeros([1], 'int64'),
    });
    const header = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect((8 + header) % 64).toBe(0);
    const entries = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + header))) as Record<
      string,
      { data_offsets: [number, number] }
    >;
    expect(Object.entries(entries).map(([name, { data_offsets }]) => [name, data_offsets[0]])).toEqual([
      ['c', 0],
      ['d', 64],
      ['b', 72],
      ['a', 92],
    ]);
    expect(decodeSafetensors(bytes).tensors.c?.raw.data.buffer).toBe(bytes.buffer);
  });

  it('widen BF16 to float32', () => {
    const { tensors } = decodeSafetensors(
      file({ x: entry('BF16', [3], 0, 6) }, Uint8Array.of(0x80, 0x3f, 0x00, 0xc0, 0xc0, 0x7f)),
    );
    expect([tensors.x?.type, tensors.x?.toArray()]).toEqual(['float32', [1, -2, Number.NaN]]);
  });

  const faults: [string, Uint8Array, string][] = [
    [
      'an empty file',
      new Uint8Array(0),
      'm: expected a safetensors file, got 0 bytes; the file is damaged; copy or download it again',
    ],
    ['another format', new TextEncoder().encode('{"json": "it is"}'), 'its first 8 bytes ask for a header of'],
    [
      'a header beyond the end',
      Uint8Array.of(99, 0, 0, 0, 0, 0, 0, 0, 1),
      'm: the file is truncated: its header has 99 bytes, the file 9',
    ],
    ['broken JSON', file('{"a": '), 'm: the header is no JSON ('],
    ['broken UTF-8', file({}).fill(0xff, 8), 'the header is no JSON'],
    ['a list for a header', file([]), 'the header is no JSON object'],
    [
      'a doubled name',
      file('{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"a":{}}', 1),
      "the header has the key 'a' twice",
    ],
    ['metadata that is no text', file({ __metadata__: { a: 1 } }), '__metadata__.a is no string'],
    ['metadata that is a list', file({ __metadata__: [] }), '__metadata__ is no object of strings'],
    ['an entry without fields', file({ a: null }), "tensor 'a' lacks a dtype, a shape or two data_offsets"],
    ['a negative size', file({ a: entry('U8', [-1], 0, 0) }), 'lacks a dtype, a shape'],
    [
      'one offset',
      file({ a: { dtype: 'U8', shape: [], data_offsets: [0] } }),
      'lacks a dtype, a shape or two data_offsets',
    ],
    [
      'an unknown type',
      file({ a: entry('F64', [1], 0, 8) }, 8),
      "m: tensor 'a' is F64; expected one of F32, F16, BF16, I64, I32, I8, U8, BOOL. Convert it",
    ],
    ['a type of Object.prototype', file({ a: entry('constructor', [1], 0, 8) }, 8), "tensor 'a' is constructor"],
    [
      'bytes that disagree with the shape',
      file({ a: entry('F32', [2], 0, 4) }, 4),
      "tensor 'a' F32 [2] needs 8 bytes, its offsets give 4",
    ],
    ['an enormous shape', file({ a: entry('F32', [2 ** 40, 2 ** 40], 0, 4) }, 4), 'its offsets give 4'],
    [
      'an overlap',
      file({ a: entry('U8', [4], 0, 4), b: entry('U8', [4], 2, 6) }, 6),
      "tensor 'b' overlaps the one before it (starts at byte 2, that ends at 4)",
    ],
    [
      'a hole',
      file({ a: entry('U8', [1], 0, 1), b: entry('U8', [1], 2, 3) }, 3),
      "bytes 1 to 2 before tensor 'b' belong to no tensor",
    ],
    [
      'missing data',
      file({ a: entry('U8', [4], 0, 4) }, 3),
      'm: the file is truncated: its tensors take 4 bytes, 3 are there',
    ],
    ['surplus data', file({ a: entry('U8', [4], 0, 4) }, 6), '2 bytes after the last tensor belong to no tensor'],
    [
      'a tensor called __proto__',
      file('{"__proto__":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}', 1),
      "a tensor may not be called '__proto__'",
    ],
  ];
  for (const [what, bytes, message] of faults) {
    it(`refuse ${what}`, () => {
      expect(() => decodeSafetensors(bytes, 'm')).toThrow(
        expect.objectContaining({ code: 'INVALID_FILE', message: expect.stringContaining(message) }),
      );
    });
  }

  it('refuse to write reserved names', () => {
    expect(() => encodeSafetensors({ __metadata__: Tensor.from([1]) })).toThrow("may not be called '__metadata__'");
  });

  it('whatever is cut or flipped gives tensors or one OctavoError', () => {
    const original = encodeSafetensors(
      {
        w: Tensor.from([
          [1, 2],
          [3, 4],
        ]),
        b: Tensor.from([1], { dtype: 'int8' }),
      },
      { note: 'x' },
    );
    const survives = (bytes: Uint8Array): boolean => {
      try {
        decodeSafetensors(bytes);
        return true;
      } catch (error) {
        if (isOctavoError(error)) return true;
        throw error;
      }
    };
    for (let length = 0; length < original.length; length++) {
      expect(() => decodeSafetensors(original.slice(0, length))).toThrow(
        expect.objectContaining({ code: 'INVALID_FILE' }),
      );
    }
    for (let bit = 0; bit < original.length * 8; bit++) {
      const flipped = original.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(survives(flipped)).toBe(true);
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), survives));
    fc.assert(fc.property(fc.json(), fc.nat(20), (json, data) => survives(file(json, data))));
  });
});

describe('duplicateKey', () => {
  it('finds a key that is there twice in one object, at any depth and however it is written', () => {
    expect(duplicateKey('{"a":1,"b":{"a":2}}')).toBeUndefined();
    expect(duplicateKey('{"a":1, "\\u0061" : 2}')).toBe('a');
    expect(duplicateKey('{"x":[{"a":1,"a":"a"}]}')).toBe('a');
    expect(duplicateKey('{"a":"b","b":"a: \\"a\\":"}')).toBeUndefined();
    expect(duplicateKey('["a","a",{"a":["a","a"]}]')).toBeUndefined();
  });

  it('finds none in what JSON.stringify writes', () => {
    fc.assert(fc.property(fc.json(), (json) => duplicateKey(JSON.stringify(JSON.parse(json), null, 1)) === undefined));
  });
});
