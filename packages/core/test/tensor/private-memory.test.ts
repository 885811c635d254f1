import { describe, expect, it } from 'vitest';
import { Tensor } from '../../src/tensor/tensor.js';

const make = (): Tensor<'float32'> => Tensor.privately('float32', Float32Array.of(1, 2, 3, 4), [2, 2]);
const numbers = (data: Float32Array | null | undefined): number[] => [...(data ?? [])];

describe('a tensor of private memory', () => {
  it('acts as any other, also for what compares it', () => {
    const tensor = make();
    expect([tensor.dims, tensor.size, tensor.toArray()]).toEqual([
      [2, 2],
      4,
      [
        [1, 2],
        [3, 4],
      ],
    ]);
    expect(tensor.raw).toEqual(new Tensor('float32', Float32Array.of(1, 2, 3, 4), [2, 2]).raw);
  });

  it('gives its memory itself to the first reader, and lends it to nobody from then on', () => {
    const { raw } = make();
    const peeked = raw.peek;
    expect(raw.unseen).toBe(true);
    const { data } = raw;
    expect([data === peeked, raw.data === data, raw.peek === data]).toEqual([true, true, true]);
    expect([raw.unseen, raw.lend(), raw.owned]).toEqual([false, null, null]);
  });

  it('that is lent gives readers a copy: what they do to it reaches no borrower', () => {
    const { raw } = make();
    const lent = raw.lend();
    expect([raw.lend() === lent, raw.owned]).toEqual([true, null]);
    const { data } = raw;
    data.fill(9);
    expect([numbers(lent), numbers(raw.data), numbers(raw.peek)]).toEqual([
      [1, 2, 3, 4],
      [9, 9, 9, 9],
      [9, 9, 9, 9],
    ]);
    structuredClone(data.buffer, { transfer: [data.buffer as ArrayBuffer] });
    expect([raw.data.length, lent?.length, raw.lend()]).toEqual([0, 4, null]);
  });

  it('that was given away restores its elements, and keeps them once they were seen', () => {
    const { raw } = make();
    let restored = 0;
    const form = {
      restore: () => {
        restored++;
        return Float32Array.of(1, 2, 3, 4);
      },
    };
    const memory = raw.owned;
    raw.give(form);
    memory?.fill(-1);
    expect([raw.owned, raw.form === form, numbers(raw.peek), restored]).toEqual([null, true, [1, 2, 3, 4], 1]);
    expect(() => raw.give(form)).toThrow('only owned memory');
    const { data } = raw;
    data[0] = 7;
    expect([numbers(raw.data), numbers(raw.peek), raw.form, restored]).toEqual([[7, 2, 3, 4], [7, 2, 3, 4], null, 2]);
  });

  it('can be lent after it was given away', () => {
    const { raw } = make();
    raw.give({ restore: () => Float32Array.of(5, 6, 7, 8) });
    expect(numbers(raw.lend())).toEqual([5, 6, 7, 8]);
    expect(raw.data).not.toBe(raw.lend());
  });
});
