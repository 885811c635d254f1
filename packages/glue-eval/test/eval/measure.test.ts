import { Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import type { EncodedBatch } from '../../src/eval/batches.js';
import { argmaxRows, measure } from '../../src/eval/measure.js';
import type { Runner } from '../../src/eval/runner.js';

const batch = (size: number): EncodedBatch => {
  const ids = Tensor.zeros([size, 3], 'int64');
  return { inputs: [ids, ids, ids], size, length: 3 };
};

/** A runner that gives these logits, one array a call. */
function runner(outputs: readonly number[][]): Runner & { calls: number } {
  const fake = {
    calls: 0,
    async run() {
      const values = outputs[fake.calls++ % outputs.length] as number[];
      return Tensor.from(values, { dims: [values.length / 2, 2] });
    },
    sizeBytes: 0,
    coverage: { rows: [], int8Share: 0 },
    tracedLength: 1,
    save: async () => {},
    dispose() {},
  };
  return fake;
}

const options = { labels: 2, signal: undefined, warmUp: false, onBatch: () => {} };

describe('measure', () => {
  it('joins logits in order and takes the largest of each row', async () => {
    const { logits, predictions } = await measure(
      runner([
        [0, 1, 2, 2],
        [5, -1],
      ]),
      [batch(2), batch(1)],
      options,
    );
    expect([...logits]).toEqual([0, 1, 2, 2, 5, -1]);
    expect(predictions).toEqual([1, 0, 0]);
  });

  it('runs the first batch once more to warm up', async () => {
    const fake = runner([[0, 1]]);
    const { predictions } = await measure(fake, [batch(1), batch(1)], { ...options, warmUp: true });
    expect(fake.calls).toBe(3);
    expect(predictions).toEqual([1, 1]);
  });

  it('refuses a logit that is no number, naming the example', async () => {
    await expect(measure(runner([[0, 1, 0, Number.NaN]]), [batch(2)], options)).rejects.toMatchObject({
      code: 'INVALID_DATA',
      message: expect.stringContaining('the logit NaN for example 1'),
    });
  });

  it('refuses an output of another shape', async () => {
    await expect(measure(runner([[0, 1]]), [batch(2)], options)).rejects.toMatchObject({
      code: 'INVALID_DATA',
      message: expect.stringContaining('gave float32 [1, 2]; expected logits float32 [2, 2]'),
    });
  });
});

describe('argmaxRows', () => {
  it('takes the first of equals', () => expect(argmaxRows([1, 1, 0, 3], 2)).toEqual([0, 1]));
});
