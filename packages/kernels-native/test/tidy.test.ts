import {
  F,
  isOctavoError,
  nn,
  Q,
  quantizePerTensor,
  type Recorder,
  Tensor,
  tidy,
  withBackend,
  withRecorder,
} from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { createNativeBackend } from '../src/index.js';

const backend = createNativeBackend({ threads: 1 });
const native = <R>(body: () => R): R => withBackend(backend, body);
const image = (from: number): Tensor<'float32'> =>
  new Tensor(
    'float32',
    Float32Array.from({ length: 96 }, (_, i) => from + i),
    [1, 3, 4, 8],
  );
const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (isOctavoError(error)) return error.code;
    throw error;
  }
  return 'none';
};

describe('tidy', () => {
  it('gives the memory of results that are not returned to later results of their size', () => {
    native(() => {
      let inner = image(0);
      const first = tidy(() => {
        inner = F.neg(image(1));
        return F.neg(inner);
      });
      expect(codeOf(() => inner.data)).toBe('DISPOSED');
      expect(codeOf(() => F.neg(inner))).toBe('DISPOSED');
      expect(inner.dims).toEqual([1, 3, 4, 8]);
      const buffers = new Set<unknown>();
      for (let call = 0; call < 5; call++) {
        tidy(() => {
          const x = F.neg(image(call));
          buffers.add(x.raw.memory.buffer);
          return null;
        });
      }
      expect(buffers.size).toBe(1);
      expect(first.data).toEqual(image(1).data);
    });
  });

  it('changes no bit, call after call, of several dtypes and orders of memory', () => {
    const conv = new nn.Conv2d(3, 8, 3, { padding: 1 });
    const model = (x: Tensor): unknown => {
      const y = F.relu(conv.call(x));
      const codes = Q.relu(quantizePerTensor(y, 0.1, 3));
      const sum = Q.add(codes, codes, { scale: 0.2, zeroPoint: 5 });
      return { y: [y, F.softmax(F.reshape(y, [8, -1]))], sum, mean: F.mean(y, [2, 3]) };
    };
    native(() => {
      const expected = [0, 1, 2].map((from) => model(image(from)));
      const got = [0, 1, 2].map((from) => tidy(() => model(image(from))));
      const plain = (value: unknown): string =>
        JSON.stringify(value, (_, x) => (Tensor.is(x) ? [x.type, x.dims, Array.from(x.data as Float32Array)] : x));
      expect(plain(got)).toEqual(plain(expected));
    });
  });

  it('leaves tensors whose data was read, and those that share it', () => {
    native(() => {
      let read = image(0);
      let reshaped = image(0);
      tidy(() => {
        read = F.neg(image(3));
        reshaped = F.reshape(read, [96]);
      });
      tidy(() => F.neg(image(4)));
      expect(read.data).toEqual(image(3).data.map((x) => -x));
      expect(reshaped.data).toBe(read.data);
    });
  });

  it('in another one frees its own results at once, and the outer one frees what it returned', () => {
    native(() => {
      let inner = image(0);
      let handed = image(0);
      tidy(() => {
        handed = tidy(() => {
          inner = F.neg(image(1));
          return F.neg(inner);
        });
        expect(codeOf(() => F.neg(inner))).toBe('DISPOSED');
        expect(codeOf(() => F.neg(handed))).toBe('none');
      });
      expect(codeOf(() => F.neg(handed))).toBe('DISPOSED');
    });
  });

  it('frees results when its body throws, and refuses promises', () => {
    native(() => {
      let made = image(0);
      const failing = () => {
        made = F.neg(image(1));
        throw new Error('no');
      };
      expect(() => tidy(failing)).toThrow('no');
      expect(codeOf(() => made.data)).toBe('DISPOSED');
      expect(codeOf(() => tidy(async () => 1))).toBe('INVALID_ARGUMENT');
    });
  });

  it('leaves what a trace has heard of', () => {
    const heard: Tensor[] = [];
    const recorder: Recorder = {
      op: (_def, _inputs, _attrs, outputs) => heard.push(...outputs),
      enter: () => {},
      leave: () => {},
      read: () => {},
    };
    native(() => tidy(() => withRecorder(recorder, () => F.neg(F.neg(image(2))))));
    expect(heard.map(({ data }) => data)).toEqual([image(2).data.map((x) => -x), image(2).data]);
  });
});
