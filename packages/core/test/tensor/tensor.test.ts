import { describe, expect, it } from 'vitest';
import { channelsLastOf } from '../../src/tensor/channels-last.js';
import type { DType } from '../../src/tensor/dtype.js';
import { Tensor } from '../../src/tensor/tensor.js';

describe('Tensor', () => {
  it("has ONNX Runtime's shape and shares its data", () => {
    const data = Float32Array.of(1, 2, 3, 4, 5, 6);
    const x = new Tensor('float32', data, [2, 3]);
    expect([x.type, x.dtype, x.dims, x.shape, x.size, x.location]).toEqual([
      'float32',
      'float32',
      [2, 3],
      [2, 3],
      6,
      'cpu',
    ]);
    expect(x.data).toBe(data);
    expect(Object.isFrozen(x.dims)).toBe(true);
  });

  it('takes its dtype from the array, and one axis by default', () => {
    expect(new Tensor(Int8Array.of(1, 2)).type).toBe('int8');
    expect(new Tensor(BigInt64Array.of(1n), []).dims).toEqual([]);
    expect(new Tensor('bool', Uint8Array.of(1, 0)).dims).toEqual([2]);
    expect(new Tensor('float16', Uint16Array.of(0x3c00)).type).toBe('float16');
  });

  it('refuses data, dims and dtypes that do not fit', () => {
    expect(() => new Tensor('float32', Int8Array.of(1) as never)).toThrow(
      '[Tensor] expected Float32Array for dtype float32, got Int8Array',
    );
    expect(() => new Tensor([1, 2] as never)).toThrow('got Array; Tensor.from takes plain numbers');
    expect(() => new Tensor(Uint16Array.of(1) as never)).toThrow('got Uint16Array');
    expect(() => new Tensor('float64' as DType, Float32Array.of(1))).toThrow("unknown dtype 'float64'");
    expect(() => new Tensor(Float32Array.of(1, 2), [3])).toThrow('dims [3] hold 3 elements, the data has 2');
    expect(() => new Tensor(Float32Array.of(1), [-1])).toThrow('non-negative integers, got -1');
    expect(() => new Tensor(Float32Array.of(1), [0.5, 2])).toThrow('non-negative integers');
    expect(() => new Tensor('float32', undefined as never)).toThrow('got undefined');
  });

  it('from takes nested and flat numbers of every dtype', () => {
    expect(
      Tensor.from([
        [1, 2],
        [3, 4],
      ]).dims,
    ).toEqual([2, 2]);
    expect(Tensor.from([1, 2, 3, 4], { dims: [2, 2] }).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(Tensor.from(5).dims).toEqual([]);
    expect(Tensor.from([]).dims).toEqual([0]);
    expect(Tensor.from([[], []]).dims).toEqual([2, 0]);
    expect(Tensor.from([1, 2n], { dtype: 'int64' }).toArray()).toEqual([1n, 2n]);
    expect(Tensor.from([true, 0, 3], { dtype: 'bool' }).toArray()).toEqual([1, 0, 1]);
    expect(Tensor.from([1, -2], { dtype: 'float16' }).toArray()).toEqual([0x3c00, 0xc000]);
  });

  it('from refuses ragged nesting and numbers outside a dtype', () => {
    for (const ragged of [
      [[1], [2, 3]],
      [1, [2]],
      [[1], 2],
    ])
      expect(() => Tensor.from(ragged)).toThrow('ragged');
    expect(() => Tensor.from([2 ** 53], { dtype: 'int64' })).toThrow(
      '9007199254740992 is no safe integer; give int64 values as bigint',
    );
    expect(() => Tensor.from([0.5], { dtype: 'int64' })).toThrow('0.5 is no safe integer');
    expect(() => Tensor.from([128], { dtype: 'int8' })).toThrow("128 is outside int8's integers -128 to 127");
    expect(() => Tensor.from([1.5], { dtype: 'int32' })).toThrow('1.5 is outside');
  });

  it('item is the only element', () => {
    expect(Tensor.from([[7]]).item()).toBe(7);
    expect(() => Tensor.from([1, 2]).item()).toThrow('[Tensor.item] expected one element, got dims [2]');
  });

  it('is and wrap know tensors of other copies, and ONNX Runtime', () => {
    const foreign = { type: 'float32', dims: [1], data: Float32Array.of(2), [Symbol.for('@octavo/Tensor.v1')]: true };
    expect([Tensor.is(foreign), Tensor.is({}), Tensor.is(null)]).toEqual([true, false, false]);
    const data = BigInt64Array.of(1n, 2n);
    const wrapped = Tensor.wrap({ type: 'int64', dims: [1, 2], data });
    expect([wrapped.raw.data, wrapped.type]).toEqual([data, 'int64']);
    expect(Tensor.wrap(wrapped)).toBe(wrapped);
    expect(() => Tensor.wrap({ type: 'string', dims: [1], data: ['x'] })).toThrow("unknown dtype 'string'");
  });

  it('zeros makes every dtype', () => {
    expect(Tensor.zeros([2, 0]).size).toBe(0);
    expect(Tensor.zeros([3], 'int64').toArray()).toEqual([0n, 0n, 0n]);
    expect(() => Tensor.zeros([2 ** 50])).toThrow('[Tensor.zeros]');
  });
});

describe('a tensor in channels-last memory', () => {
  const dims = [2, 3, 1, 2];
  const rowMajor = Int8Array.from({ length: 12 }, (_, i) => i);
  // [batch, ...spatial, channels]
  const memory = (): Int8Array => Int8Array.of(0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11);
  const make = (): Tensor<'int8'> => Tensor.channelsLast('int8', memory(), dims);

  it('shows row-major data to every accessor', () => {
    expect(channelsLastOf(rowMajor, dims)).toEqual(memory());
    expect(make().data).toEqual(rowMajor);
    expect(make().raw.data).toEqual(rowMajor);
    expect([make().dims, make().shape, make().size, make().type, make().location]).toEqual([
      dims,
      dims,
      12,
      'int8',
      'cpu',
    ]);
    expect(make().toArray()).toEqual(new Tensor('int8', rowMajor, dims).toArray());
    expect(Tensor.wrap(make()).data).toEqual(rowMajor);
    expect(Tensor.wrap({ type: 'int8', dims, data: make().data }).data).toEqual(rowMajor);
    expect(make()).toEqual(make());
    expect(() => make().item()).toThrow('expected one element');
    expect(Tensor.is(make())).toBe(true);
  });

  it('keeps its memory until the data is read, and then one copy that may be written', () => {
    const x = make();
    expect([x.dims, x.size]).toEqual([dims, 12]);
    expect(x.raw.channelsLast).toEqual(memory());
    x.data[1] = 100;
    expect(x.raw.channelsLast).toBeNull();
    expect(x.data[1]).toBe(100);
    expect(x.data).toBe(x.raw.data);
  });

  it('is an ordinary tensor where both orders agree, and is refused where there is none', () => {
    const data = Int8Array.of(1, 2, 3);
    expect(Tensor.channelsLast('int8', data, [1, 3, 1, 1]).raw.channelsLast).toBeNull();
    expect(Tensor.channelsLast('int8', data, [1, 1, 3]).data).toBe(data);
    expect(() => Tensor.channelsLast('int8', data, [1, 3])).toThrow('needs a rank of 3 to 5, got [1, 3]');
  });
});
