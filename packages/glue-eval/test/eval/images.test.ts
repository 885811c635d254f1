import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from '../../src/eval/evaluate.js';
import type { Evaluation } from '../../src/eval/evaluation.js';
import type { EvaluateOptions, EvaluationProgress } from '../../src/eval/options.js';
import { MORE, makeTinyImageWorld, type TinyImageWorld } from './tiny-images.js';

let world: TinyImageWorld;

beforeAll(async () => {
  world = await makeTinyImageWorld();
});
afterAll(() => world.remove());

function tiny(options: Partial<EvaluateOptions> = {}): Promise<Evaluation> {
  return evaluate({ model: world.model, task: 'imagenet', data: world.data, ...options });
}

async function fault(options: Partial<EvaluateOptions>): Promise<unknown> {
  return tiny(options).then(
    () => null,
    (error: unknown) => error,
  );
}

/** A copy of the data, to be changed. */
async function changedData(change: (data: string) => Promise<unknown>): Promise<string> {
  const data = join(world.dir, 'changed');
  await rm(data, { recursive: true, force: true });
  await cp(world.data, data, { recursive: true });
  await change(data);
  return data;
}

describe('evaluate on images', () => {
  it('gives float, eager and graph, and both once more after saving and loading', async () => {
    const { summary, runs } = await tiny();
    const rows = summary.modes.map(({ mode, scheme, qconfig, reloaded }) => [mode, scheme, qconfig, reloaded]);
    expect(rows).toEqual([
      ['float', null, null, undefined],
      ['eager', 'static', 'staticImage', undefined],
      ['eager', 'static', 'staticImage', { sameBits: true }],
      ['graph', 'static', 'staticImage', undefined],
      ['graph', 'static', 'staticImage', { sameBits: true }],
    ]);
    expect(summary).toMatchObject({ task: 'imagenet', split: 'val', examples: 10 });
    expect(summary.note).toBe(
      'calibrated on 2 of the 10 images of the data, every seventh in order of name; --calibrate FOLDER takes others',
    );
    const [float, eager, again, graph] = runs;
    expect(Object.keys(float?.result.metrics ?? {})).toEqual(['top1', 'top5']);
    // Three classes: the right one is always among five.
    expect(float?.result.metrics.top5).toBe(1);
    expect(float?.logits).toHaveLength(30);
    expect(again?.logits).toEqual(eager?.logits);
    expect(graph?.logits).toEqual(eager?.logits);
    expect(graph?.result.int8Share).toBe(1);
    expect(eager?.logits).not.toEqual(float?.logits);
    expect(float?.result.int8Share).toBe(0);
    expect(eager?.result.int8Share).toBe(1);
    expect(again?.result.sizeMB).toBe(eager?.result.sizeMB);
  });

  it('stays near float on what it was calibrated with', async () => {
    const [float, eager] = (await tiny({ calibrate: join(world.data, 'val') })).runs;
    const spread = Math.max(...(float?.logits ?? [])) - Math.min(...(float?.logits ?? []));
    eager?.logits.forEach((logit, i) => {
      expect(Math.abs(logit - (float?.logits[i] as number))).toBeLessThan(spread / 10);
    });
  });

  it('has a debug form, of the size of float, that is near int8 and can be saved and loaded', async () => {
    const { summary, runs } = await tiny({ modes: ['float', 'graph', 'debug'] });
    const [float, graph, , debug, again] = summary.modes;
    expect(debug).toMatchObject({ mode: 'debug', int8Share: 0 });
    expect(again?.reloaded).toEqual({ sameBits: true });
    expect(debug?.sizeMB).toBeGreaterThan(graph?.sizeMB as number);
    expect(debug?.metrics.top1).toBeCloseTo(graph?.metrics.top1 as number, 0);
    expect(float?.mode).toBe('float');
    const spread = Math.max(...(runs[0]?.logits ?? [])) - Math.min(...(runs[0]?.logits ?? []));
    runs[3]?.logits.forEach((logit, i) => {
      expect(Math.abs(logit - (runs[1]?.logits[i] as number))).toBeLessThan(spread / 10);
    });
  });

  it('gives the same bits in any batch, float and int8', async () => {
    const one = await tiny({ batch: 1 });
    const seven = await tiny({ batch: 7 });
    expect(seven.runs.map(({ logits }) => logits)).toEqual(one.runs.map(({ logits }) => logits));
  });

  it('calibrates with the images of a folder, all or the first so many', async () => {
    const passes = async (calibrate: string): Promise<readonly EvaluationProgress[]> => {
      const events: EvaluationProgress[] = [];
      const { summary } = await tiny({ calibrate, modes: ['eager'], batch: 2, onProgress: (e) => events.push(e) });
      expect(summary.note).toBeUndefined();
      return events.filter(({ name }) => name === 'eager staticImage, calibration');
    };
    expect((await passes(world.more)).map(({ done, total }) => [done, total])).toEqual([
      [0, MORE],
      [2, MORE],
      [4, MORE],
      [5, MORE],
    ]);
    expect((await passes(`${world.more}:3`)).at(-1)).toMatchObject({ done: 3, total: 3 });
  });

  it('takes the first images with a limit, and calibrates the same', async () => {
    const [, all] = (await tiny({ modes: ['float', 'eager'] })).runs;
    const { summary, runs } = await tiny({ modes: ['float', 'eager'], limit: 2 });
    expect(summary.examples).toBe(2);
    expect(runs[1]?.logits).toEqual(all?.logits.slice(0, 6));
  });

  it.each([
    [{ modes: ['grph'] }, 'UNKNOWN_NAME', "unknown mode of task imagenet 'grph'"],
    [{ qconfigs: ['perRow'] }, 'UNKNOWN_NAME', "unknown qconfig 'perRow'"],
    [{ scheme: 'dynamic' }, 'UNKNOWN_NAME', "unknown scheme 'dynamic'; Known: static"],
    [{ maxLength: 5 }, 'INVALID_ARGUMENT', 'maxLength does not belong to task imagenet'],
    [{ calibrate: 'x:0' }, 'INVALID_ARGUMENT', "expected FOLDER or FOLDER:N with N of at least 1, got 'x:0'"],
    [{ model: 'resnet18' }, 'INVALID_ARGUMENT', 'model resnet18 has 1000 classes, but'],
    [{ split: 'train' }, 'FILE_NOT_FOUND', 'train: expected a readable folder'],
    [{ weights: 'none.pth' }, 'FILE_NOT_FOUND', 'none.pth'],
  ])('refuses %j', async (options, code, message) => {
    expect(await fault(options)).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it('refuses options of images for text', async () => {
    expect(await fault({ task: 'mrpc', weights: 'w' })).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'weights does not belong to task mrpc, whose own options are maxLength, tokenizer; leave it out',
    });
  });

  it('refuses a calibration that cannot be', async () => {
    expect(await fault({ calibrate: join(world.dir, 'none') })).toMatchObject({ code: 'FILE_NOT_FOUND' });
    expect(await fault({ calibrate: `${world.more}:9` })).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('expected at least 9 images, as --calibrate asks for, got 5'),
    });
  });

  it('names the image that cannot be decoded', async () => {
    const data = await changedData((dir) => writeFile(join(dir, 'val/n02/1.png'), 'broken'));
    expect(await fault({ data, modes: ['float'] })).toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringMatching(/val\/n02\/1\.png: expected an image/),
    });
  });

  it('stops when its signal says so, while it calibrates as well', async () => {
    const controller = new AbortController();
    const onProgress = ({ name }: EvaluationProgress): void => {
      if (name.endsWith('calibration')) controller.abort();
    };
    expect(await fault({ signal: controller.signal, onProgress })).toMatchObject({ code: 'ABORTED' });
  });
});
