import { join } from 'node:path';
import { activeBackend, type Tensor } from '@octavo/core';
import { readSafetensors } from '@octavo/core/node';
import { beforeAll, expect, it } from 'vitest';
import { evaluate } from '../../src/eval/evaluate.js';
import type { Evaluation, ModeRun } from '../../src/eval/evaluation.js';
import { argmaxRows } from '../../src/eval/measure.js';
import { loadNativeBackend } from '../../src/native-backend.js';
import { describeWithShared, MRPC_DATA, MRPC_SMALL } from '../models/mrpc-small.js';

await loadNativeBackend();
/** The reference would take an hour: there, the first pair alone. */
const LIMIT = activeBackend().name === 'reference' ? 1 : 408;
/** Enough for what a few batches show as well. */
const FEW = Math.min(LIMIT, 16);

const common = { model: MRPC_SMALL, task: 'mrpc', data: MRPC_DATA };

/** Largest difference of a float logit to PyTorch's. */
const FLOAT_LOGITS = 1e-3;
/** Ours: labels that may differ from float, loss of F1, movement of a logit. */
const PER_ROW = { labels: 2, f1: 0.004, logits: 0.55 };
/** PyTorch's scheme is chaotic, so its logits agree with PyTorch's in the mean only; see the model's README. */
const PER_CHANNEL = { meanDifference: 0.1, sameLabels: 0.95 };

describeWithShared(`mrpc-small on ${LIMIT} pairs of MRPC (needs ../shared)`, { timeout: 600_000 }, () => {
  let evaluation: Evaluation;
  let expected: Readonly<Record<string, Tensor>>;

  beforeAll(async () => {
    expected = (await readSafetensors(join(MRPC_SMALL, 'expected.safetensors'))).tensors;
    evaluation = await evaluate({
      ...common,
      modes: ['float', 'graph'],
      qconfigs: ['perRow', 'perChannel'],
      limit: LIMIT,
    });
  }, 600_000);

  const run = (mode: string, qconfig: string | null): ModeRun => {
    const found = evaluation.runs.find(({ result }) => result.mode === mode && result.qconfig === qconfig);
    if (found === undefined) throw new Error(`no row ${mode} ${qconfig}`);
    return found;
  };
  const stored = (name: string): Float32Array => (expected[name] as Tensor<'float32'>).data.slice(0, 2 * LIMIT);

  it("float logits are PyTorch's", () => {
    expect(largest(differences(run('float', null).logits, stored('all.float')))).toBeLessThan(FLOAT_LOGITS);
  });

  it('our scheme stays with float', () => {
    const [float, int8] = [run('float', null), run('graph', 'perRow')];
    expect(int8.result.labelsChanged).toBeLessThanOrEqual(PER_ROW.labels);
    expect(largest(differences(int8.logits, float.logits))).toBeLessThan(PER_ROW.logits);
    if (LIMIT === 408) {
      expect(Math.abs((int8.result.metrics.f1 ?? 0) - (float.result.metrics.f1 ?? 0))).toBeLessThan(PER_ROW.f1);
    }
  });

  it("PyTorch's scheme agrees with PyTorch in the mean", () => {
    const { logits, predictions } = run('graph', 'perChannel');
    const want = stored('all.eager_dynamic_per_channel');
    const labels = argmaxRows(want, 2);
    const same = predictions.filter((label, i) => label === labels[i]).length / LIMIT;
    expect(mean(differences(logits, want))).toBeLessThan(PER_CHANNEL.meanDifference);
    expect(same).toBeGreaterThanOrEqual(PER_CHANNEL.sameLabels);
  });

  it('int8 is at most half as large as float', () => {
    const { sizeMB, int8Share } = run('graph', 'perRow').result;
    expect(sizeMB).toBeLessThan(run('float', null).result.sizeMB / 2);
    expect(int8Share).toBeGreaterThan(0.95);
  });

  it('debug follows int8, and is as large as float', async () => {
    const { runs } = await evaluate({ ...common, modes: ['debug'], limit: FEW });
    const { logits, result } = runs[0] as ModeRun;
    const int8 = run('graph', 'perRow').logits.subarray(0, logits.length);
    expect(largest(differences(logits, int8))).toBeLessThan(PER_ROW.logits);
    expect(result.int8Share).toBe(0);
    expect(Math.abs(result.sizeMB / run('float', null).result.sizeMB - 1)).toBeLessThan(0.02);
  });

  it('eager gives the bits of graph, in batches of any size', async () => {
    const { runs } = await evaluate({
      ...common,
      modes: ['eager', 'graph'],
      qconfigs: ['perRow'],
      limit: FEW,
      batch: 3,
    });
    const want = run('graph', 'perRow').logits.slice(0, 2 * FEW);
    for (const { logits } of runs) expect(logits).toEqual(want);
  });
});

function differences(a: Float32Array, b: Float32Array): Float32Array {
  expect(a).toHaveLength(b.length);
  return a.map((value, i) => Math.abs(value - (b[i] as number)));
}

function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
