import '../reference-only.js';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { referenceBackend } from '../../src/backend/reference-backend.js';
import { withBackend } from '../../src/backend/registry.js';
import * as F from '../../src/functional.js';
import { dispatch } from '../../src/ops/dispatch.js';
import { OP_LIST, opByName } from '../../src/ops/op-table.js';
import { activeRecorder, type Recorder, withRecorder } from '../../src/ops/recorder.js';
import { quantizePerTensor } from '../../src/quantize.js';
import { LinearPackedParams } from '../../src/tensor/linear-packed-params.js';
import { Tensor } from '../../src/tensor/tensor.js';

class Log implements Recorder {
  readonly lines: string[] = [];
  op(def: { name: string }): void {
    this.lines.push(def.name);
  }
  enter(): void {}
  leave(): void {}
  read(_: object, what: string): void {
    this.lines.push(`read ${what}`);
  }
}

const backend = (kernels: Record<string, () => Tensor[]>): Backend => ({
  ...referenceBackend,
  name: 'test',
  kernel: (op) => kernels[op.name],
});

describe('dispatch', () => {
  it("calls the backend's kernel, or the reference where there is none", () => {
    const nine = Tensor.from([9]);
    withBackend(backend({ 'aten::relu': () => [nine] }), () => {
      expect(F.relu(Tensor.from([1]))).toBe(nine);
      expect(F.softmax(Tensor.from([1])).toArray()).toEqual([1]);
    });
  });

  it('checks operands before any kernel runs', () => {
    withBackend(backend({ 'aten::relu': () => expect.fail('ran') }), () => {
      expect(() => F.relu(Tensor.from([1], { dtype: 'int8' }))).toThrow('must be float32');
    });
  });

  it('tells a recorder of the op, once, and not of what it does inside', () => {
    const log = new Log();
    withRecorder(log, () => {
      dispatch(opByName('aten::relu'), [Tensor.from([1])]);
      F.transpose(Tensor.from([[1, 2]]), 0, 1);
    });
    expect(log.lines).toEqual(['aten::relu', 'aten::permute']);
  });

  it('functional forms do not read dims of what they are given', () => {
    const log = new Log();
    const x = Tensor.from([[[1, 2, 3, 4]]]);
    withRecorder(log, () => {
      F.layerNorm(x, 4);
      F.multiHeadAttention(x, x, x, null, { heads: 2 });
      F.add(1, F.select(F.reshape(x, [0, -1]), 1, 0));
      F.linearQuantized(
        F.quantizeDynamic(x),
        new LinearPackedParams(quantizePerTensor(Tensor.from([[1, 2, 3, 4]]), 1, 0, 'qint8')),
      );
    });
    expect(log.lines.filter((line) => line.startsWith('read'))).toEqual([]);
  });
});

describe('recorders', () => {
  it('hear reads of dims and data, and are popped whatever happens', () => {
    const log = new Log();
    const x = Tensor.from([1]);
    expect(() =>
      withRecorder(log, () => {
        void x.dims;
        void x.size;
        void x.data;
        withRecorder(null, () => void x.dims);
        throw new Error('stop');
      }),
    ).toThrow('stop');
    expect(log.lines).toEqual(['read dims', 'read dims', 'read data']);
    expect(activeRecorder()).toBeNull();
  });
});

it('no op refuses with anything but an OctavoError when it gets nothing', () => {
  for (const op of OP_LIST) {
    expect(() => op.infer([], {}), op.name).toThrow(expect.objectContaining({ name: 'OctavoError' }));
  }
});
