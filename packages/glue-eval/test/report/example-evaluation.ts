import type { Evaluation, ModeResult, ModeRun } from '../../src/eval/evaluation.js';
import { taskByName } from '../../src/tasks/registry.js';

const FLOAT: ModeResult = {
  mode: 'float',
  scheme: null,
  qconfig: null,
  sizeMB: 61.234567,
  metrics: { accuracy: 0.794118, f1: 0.857143, accF1: 0.82563 },
  labelsChanged: 0,
  totalSeconds: 12.5,
  msPerExample: 30.637,
  msPerBatch: 245.1,
  speedup: 1,
  int8Share: 0,
};

const INT8: ModeResult = {
  ...FLOAT,
  mode: 'graph',
  scheme: 'dynamic',
  qconfig: 'perRow',
  sizeMB: 29.1,
  labelsChanged: 1,
  totalSeconds: 5,
  msPerExample: 12.25,
  msPerBatch: 98,
  speedup: 2.5,
  int8Share: 0.97,
};

/** A result as an evaluation gives it, with numbers that are easy to find again. */
export function exampleEvaluation({ model = 'models/x', note }: { model?: string; note?: string } = {}): Evaluation {
  const rows = [
    { path: 'bert.pooler.dense', op: 'Linear', precision: 'int8', reason: 'dynamic', multiplyAdds: 64 },
    { path: 'classifier', op: 'Linear', precision: 'float32', reason: 'kept <float> & "quoted"', multiplyAdds: 8 },
  ] as const;
  const run = (result: ModeResult): ModeRun => ({
    result,
    logits: Float32Array.of(0, 1, 1, 0),
    predictions: [1, 0],
    coverage: { rows, int8Share: 0.5 },
  });
  return {
    task: taskByName('mrpc'),
    runs: [run(FLOAT), run(INT8)],
    summary: {
      model,
      task: 'mrpc',
      split: 'dev',
      examples: 2,
      ...(note === undefined ? {} : { note }),
      backend: { name: 'native', isa: 'avx2', threads: 1 },
      modes: [FLOAT, INT8],
    },
  };
}
