import { join } from 'node:path';
import { saveGraph } from '@octavo/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from '../../src/eval/evaluate.js';
import type { Evaluation } from '../../src/eval/evaluation.js';
import { MODES } from '../../src/eval/modes.js';
import type { EvaluateOptions, EvaluationProgress } from '../../src/eval/options.js';
import { loadPretrained } from '../../src/models/huggingface.js';
import { exampleInputs } from '../../src/models/inputs.js';
import { loadNativeBackend } from '../../src/native-backend.js';
import { makeTinyWorld, TINY_PAIRS, type TinyWorld } from './tiny-model.js';

let world: TinyWorld;

beforeAll(async () => {
  await loadNativeBackend();
  world = await makeTinyWorld();
});
afterAll(() => world.remove());

function tiny(options: Partial<EvaluateOptions> = {}): Promise<Evaluation> {
  return evaluate({ model: world.model, task: 'mrpc', data: world.data, ...options });
}

async function fault(options: Partial<EvaluateOptions>): Promise<unknown> {
  return tiny(options).then(
    () => null,
    (error: unknown) => error,
  );
}

/** The logits of each row, in the order of the result. */
async function logits(options: Partial<EvaluateOptions>): Promise<Float32Array[]> {
  return (await tiny(options)).runs.map((run) => run.logits);
}

describe('evaluate', () => {
  it('gives one row a mode and qconfig, in the order asked for', async () => {
    const { summary, runs } = await tiny({
      modes: ['eager', 'float', 'graph', 'debug'],
      qconfigs: ['perRow', 'perChannelDynamicQConfig'],
    });
    expect(summary.modes.map(({ mode, scheme, qconfig }) => [mode, scheme, qconfig])).toEqual([
      ['eager', 'dynamic', 'perRow'],
      ['eager', 'dynamic', 'perChannel'],
      ['float', null, null],
      ['graph', 'dynamic', 'perRow'],
      ['graph', 'dynamic', 'perChannel'],
      ['debug', 'dynamic', 'perRow'],
      ['debug', 'dynamic', 'perChannel'],
    ]);
    expect(summary).toMatchObject({ model: world.model, task: 'mrpc', split: 'dev', examples: TINY_PAIRS.length });
    expect(summary.note).toBeUndefined();
    for (const { result, logits: values, predictions } of runs) {
      expect(values).toHaveLength(2 * TINY_PAIRS.length);
      expect(predictions).toHaveLength(TINY_PAIRS.length);
      expect(result.metrics.accF1).toBeCloseTo(((result.metrics.accuracy ?? 0) + (result.metrics.f1 ?? 0)) / 2, 12);
      expect(result.totalSeconds).toBeGreaterThan(0);
      expect(result.msPerExample).toBeCloseTo((result.totalSeconds * 1000) / TINY_PAIRS.length, 9);
      expect(result.msPerBatch).toBeGreaterThan(0);
      expect(result.speedup).toBeGreaterThan(0);
    }
    const share = (mode: string): number => summary.modes.find((row) => row.mode === mode)?.int8Share ?? Number.NaN;
    expect(share('float')).toBe(0);
    expect(share('debug')).toBe(0);
    expect(share('graph')).toBeGreaterThan(0.7);
    // Attention counts as well, and stays float.
    expect(share('graph')).toBeLessThan(1);
    expect(share('eager')).toBeCloseTo(share('graph'), 12);
  });

  it('takes float, eager and graph with the default qconfig where nothing is said', async () => {
    const { summary } = await tiny();
    expect(summary.modes.map(({ mode, qconfig }) => [mode, qconfig])).toEqual([
      ['float', null],
      ['eager', 'perRow'],
      ['graph', 'perRow'],
    ]);
  });

  it('gives the same bits each time, and in eager and graph mode', async () => {
    const options = { modes: ['float', 'eager', 'graph'], qconfigs: ['perRow', 'perChannel', 'default'] };
    const first = await logits(options);
    expect(await logits(options)).toEqual(first);
    const [, ...int8] = first;
    expect(int8.slice(0, 3)).toEqual(int8.slice(3));
  });

  it('gives a sentence the same bits in any batch', async () => {
    const options = { modes: ['float', 'graph'], qconfigs: ['perRow'] };
    const together = await logits({ ...options, batch: 5 });
    expect(await logits({ ...options, batch: 1 })).toEqual(together);
    expect(await logits({ ...options, batch: 2 })).toEqual(together);
  });

  it('counts labels that differ from float, whether float is asked for or not', async () => {
    const withFloat = await tiny({ modes: ['float', 'graph'], qconfigs: ['default'] });
    const without = await tiny({ modes: ['graph'], qconfigs: ['default'] });
    const [float, graph] = withFloat.runs;
    const differ = graph?.predictions.filter((label, i) => label !== float?.predictions[i]).length;
    expect(float?.result).toMatchObject({ labelsChanged: 0, speedup: 1 });
    expect(graph?.result.labelsChanged).toBe(differ);
    expect(without.runs).toHaveLength(1);
    expect(without.runs[0]?.result.labelsChanged).toBe(differ);
    expect(without.runs[0]?.result.speedup).toBeGreaterThan(0);
  });

  it('takes the first examples with a limit', async () => {
    const all = await logits({ modes: ['float'] });
    const { summary, runs } = await tiny({ modes: ['float'], limit: 2 });
    expect(summary.examples).toBe(2);
    expect(runs[0]?.logits).toEqual(all[0]?.slice(0, 4));
  });

  it('reports progress from 0 to all for each row', async () => {
    const events: EvaluationProgress[] = [];
    await tiny({ modes: ['graph'], batch: 2, onProgress: (event) => events.push(event) });
    const passes = (name: string): number[] => events.filter((event) => event.name === name).map(({ done }) => done);
    expect(passes('float, to compare')).toEqual([0, 2, 4, 5]);
    expect(passes('graph perRow')).toEqual([0, 2, 4, 5]);
    expect(events.every(({ total }) => total === 5)).toBe(true);
  });

  it('stops when its signal says so', async () => {
    expect(await fault({ signal: AbortSignal.abort() })).toMatchObject({ code: 'ABORTED' });
    const controller = new AbortController();
    const onProgress = ({ done }: EvaluationProgress): void => {
      if (done === 2) controller.abort();
    };
    expect(await fault({ batch: 1, signal: controller.signal, onProgress })).toMatchObject({ code: 'ABORTED' });
  });

  it.each([
    [{ task: 'mprc' }, 'UNKNOWN_NAME', "unknown task 'mprc'; did you mean 'mrpc'?"],
    [{ modes: ['grpah'] }, 'UNKNOWN_NAME', "unknown mode of task mrpc 'grpah'; did you mean 'graph'?"],
    [
      { qconfigs: ['perrow'] },
      'UNKNOWN_NAME',
      "unknown qconfig 'perrow'; did you mean 'perRow'? Known: perRow, default, perChannel",
    ],
    [{ scheme: 'static' }, 'UNKNOWN_NAME', "unknown scheme 'static'; Known: dynamic"],
    [{ modes: [] }, 'INVALID_ARGUMENT', 'expected at least one mode'],
    [{ limit: 0 }, 'INVALID_ARGUMENT', 'limit: expected a positive integer, got 0'],
    [{ batch: 1.5 }, 'INVALID_ARGUMENT', 'batch: expected a positive integer'],
    [{ maxLength: 33 }, 'INVALID_ARGUMENT', "max length 33 is more than the model's 32 positions"],
  ])('refuses %j', async (options, code, message) => {
    expect(await fault(options)).toMatchObject({ code, message: expect.stringContaining(message) });
  });
});

describe('evaluate on a saved graph', () => {
  const save = async (mode: 'float' | 'graph' | 'debug'): Promise<string> => {
    const { quantizeDynamic, trace } = await import('@octavo/graph');
    const { perRowDynamicQConfig } = await import('@octavo/observers');
    const float = trace(await loadPretrained(world.model), exampleInputs(3));
    const graph =
      mode === 'float' ? float : quantizeDynamic(float, { '': perRowDynamicQConfig }, { debug: mode === 'debug' });
    const file = join(world.dir, `${mode}.safetensors`);
    await saveGraph(graph, file);
    return file;
  };

  it('runs it as it is, to the same bits', async () => {
    const [want] = await logits({ modes: ['graph'] });
    const { summary, runs } = await tiny({ model: await save('graph'), tokenizer: world.model });
    expect(summary.modes).toHaveLength(1);
    expect(summary.modes[0]).toMatchObject({ mode: 'graph', qconfig: null, labelsChanged: null, speedup: null });
    expect(summary.modes[0]?.int8Share).toBeGreaterThan(0.7);
    expect(runs[0]?.logits).toEqual(want);
  });

  it('knows float and debug graphs', async () => {
    const float = await tiny({ model: await save('float'), tokenizer: world.model });
    expect(float.summary.modes[0]).toMatchObject({ mode: 'float', labelsChanged: 0, speedup: 1 });
    const debug = await tiny({ model: await save('debug'), tokenizer: world.model, modes: ['debug'] });
    expect(debug.summary.modes[0]).toMatchObject({ mode: 'debug', labelsChanged: null });
  });

  it('asks for a tokenizer, and refuses what a saved graph cannot be', async () => {
    const model = await save('graph');
    expect(await fault({ model })).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('--tokenizer'),
    });
    for (const options of [{ modes: ['eager'] }, { qconfigs: ['perRow'] }]) {
      expect(await fault({ model, tokenizer: world.model, ...options })).toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('is a saved graph of mode graph'),
      });
    }
  });
});

describe('MODES', () => {
  it('are those of the documentation', () => {
    expect(Object.keys(MODES.dynamic)).toEqual(['float', 'eager', 'graph', 'debug']);
    expect(Object.keys(MODES.static)).toEqual(['float', 'eager', 'graph', 'debug']);
  });
});
