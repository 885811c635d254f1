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

it('results that no array can hold are refused before memory is asked for, in programs too', () => {
  const attrs = { size: [2 ** 20, 2 ** 20] };
  const message =
    /aten::upsample_nearest2?d?\] its result \[1, 1, 1048576, 1048576\] of float32 would take 4398046511104 bytes/;
  const image = Tensor.zeros([1, 1, 1, 1]);
  expect(() => F.interpolate(image, attrs)).toThrow(message);
  const [name] = OP_LIST.filter(({ name: op }) => /^aten::upsample_nearest/.test(op)).map((op) => op.name) as [string];
  const executable = referenceBackend.compile({
    values: [{ name: 'x' }, { name: 'y' }],
    instructions: [{ op: name, inputs: [0], outputs: [1], attrs }],
    inputs: [{ name: 'x', value: 0, dtype: 'float32' }],
    outputs: [{ name: 'y', value: 1 }],
  });
  expect(() => executable.run([image])).toThrow(message);
});

it('attributes of another kind are refused wherever an op runs', () => {
  const x = Tensor.from([1, 2]);
  const run = (attrs: Record<string, number>) => () =>
    dispatch(opByName('aten::_choose_qparams_per_tensor'), [x], attrs);
  expect(run({ reduceRange: 2 })).toThrow(
    "[aten::_choose_qparams_per_tensor] attribute 'reduceRange' must be 0 or 1, got 2",
  );
  expect(() => dispatch(opByName('aten::clamp'), [x], { min: 0, max: '6' as never })).toThrow(
    expect.objectContaining({ name: 'OctavoError' }),
  );
});
