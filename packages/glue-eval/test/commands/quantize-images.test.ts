import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type LinearPackedParams, Tensor } from '@octavo/core';
import { readSafetensors, writeSafetensors } from '@octavo/core/node';
import { coverage, type Graph, loadGraph, qparamsOf, saveGraph, trace } from '@octavo/graph';
import { FixedQParamsObserver, getDefaultQConfig } from '@octavo/observers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleImages, openImageModel } from '../../src/models/image/open-image-model.js';
import { loadNativeBackend } from '../../src/native-backend.js';
import { quantizeForTask } from '../../src/quantize/accuracy.js';
import { openFloatModel } from '../../src/quantize/float-model.js';
import { makeTinyImageWorld, type TinyImageWorld } from '../eval/tiny-images.js';
import { SHARED } from '../models/mrpc-small.js';
import { octavo } from './command-run.js';

let world: TinyImageWorld;
const at = (name: string): string => join(world.dir, name);

beforeAll(async () => {
  world = await makeTinyImageWorld();
});
afterAll(() => world.remove());

async function quantized(model: string, name: string, ...more: string[]): Promise<Graph> {
  const { code, err } = await octavo(['quantize', model, '--out', at(name), ...more]);
  expect(code, err).toBe(0);
  return loadGraph(at(name));
}

/** Packed weights as digests, with their scales, in the order of the nodes. */
function integersOf(graph: Graph) {
  const digest = (data: ArrayBufferView): string =>
    createHash('sha256')
      .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
      .digest('hex');
  const packed = [...graph.parameters.values()].filter((operand) => !Tensor.is(operand)) as LinearPackedParams[];
  return packed.map(({ weight, bias }) => ({
    codes: digest(weight.values.data),
    scales: digest(weight.scales),
    bias: bias && digest(bias.data),
  }));
}

describe('octavo quantize of an image model', () => {
  it('calibrates on the images of a folder, and what it saves can be evaluated, inspected and drawn', async () => {
    const int8 = await quantized(world.model, 'int8.octavo', '--calibrate', `${world.more}:3`);
    expect(int8.print()).toContain('quantized::conv');
    const args = ['--task', 'imagenet', '--data', world.data, '--limit', '2'];
    const evaluated = await octavo(['eval', '--model', at('int8.octavo'), '--preprocess', world.model, ...args]);
    expect(evaluated.code, evaluated.err).toBe(0);
    expect(evaluated.out.split('\n')[3]).toMatch(/^graph .* 100%$/);

    const shown = await octavo(['inspect', at('int8.octavo'), '--dot', at('g.dot'), '--html', at('g.html')]);
    expect(shown.code, shown.err).toBe(0);
    expect(shown.out).toMatch(/^%quant\.2 +stem\.conv +activation +quint8 +\d\S* +zero point 0$/m);
    expect(shown.out).toMatch(/^%\S+ +stem\.conv +weight +qint8 +4 scales, \S+ to \S+ +axis 0$/m);
    expect(await readFile(at('g.dot'), 'utf8')).toMatch(/^digraph "EfficientNetLite"/);
    expect(await readFile(at('g.html'), 'utf8')).toContain('100.0 % of the multiply-adds are int8');
  });

  it('keeps modules float that are to be skipped', async () => {
    const int8 = await quantized(world.model, 'kept.octavo', '--calibrate', world.more, '--skip', 'classifier');
    expect(int8.print()).toContain('aten::linear');
  });

  it('takes a saved float graph, to the same integers', async () => {
    const { build } = await openImageModel(world.model);
    await saveGraph(trace(build(), exampleImages(16)), at('float.octavo'));
    const options = ['--calibrate', world.more];
    const fromFile = await quantized(at('float.octavo'), 'a.octavo', ...options, '--preprocess', world.model);
    const fromFolder = await quantized(world.model, 'b.octavo', ...options);
    expect(integersOf(fromFile)).toEqual(integersOf(fromFolder));
  });

  it('improves what it is told to', async () => {
    const codes = async (...more: string[]) => {
      const int8 = await quantized(world.model, 'improved.octavo', '--calibrate', world.more, ...more);
      return integersOf(int8).map((layer) => layer.codes);
    };
    const plain = await codes('--improve', 'none');
    const rounded = await codes('--improve', 'adaRound');
    const changed = rounded.filter((layer, i) => layer !== plain[i]);
    expect(changed.length).toBeGreaterThan(1); // Convolutions as well as the one linear.
  });

  it('gives float back until a metric has lost no more than allowed, and tells how', async () => {
    const options = ['--calibrate', world.more, '--max-drop', '0', '--task', 'imagenet', '--data', world.data];
    const { code, out, err } = await octavo([
      ...['quantize', world.model, '--out', at('kept.octavo'), ...options, '--json', at('path.json')],
    ]);
    expect(code, err).toBe(0);
    expect(out).toMatch(
      /^float [\d.]+, int8 [\d.]+: drop -?[\d.]+, within 0\n\d+ of \d+ groups of quantizers are int8\n/,
    );
    const report = JSON.parse(await readFile(at('path.json'), 'utf8'));
    expect(report).toMatchObject({ met: true, maxDrop: 0 });
    expect(report.trials[0]).toMatchObject({ group: null, removed: [] });
  });

  it.each([
    [[], '--calibrate FOLDER[:N]'],
    [['--scheme', 'statik'], "unknown scheme 'statik'; did you mean 'static'?"],
    [['--scheme', 'dynamic', '--calibrate', 'x'], '--calibrate belongs to --scheme static'],
    [['--improve', 'biasCorection'], "unknown improver 'biasCorection'; did you mean 'biasCorrection'?"],
    [['--scheme', 'dynamic', '--improve', 'adaRound'], '--improve adaRound learns from examples'],
    [['--task', 'imagenet'], '--task belongs to --max-drop'],
    [['--max-drop', '1', '--task', 'imagenet'], 'give --data as well'],
    [['--tokenizer', 'x'], 'it takes no --tokenizer'],
  ])('refuses %j', async (more, message) => {
    const { code, err } = await octavo(['quantize', world.model, '--out', at('refused.octavo'), ...more]);
    expect(code).toBe(2);
    expect(err).toMatch(/^octavo: [^\n]+\n$/);
    expect(err).toContain(message);
    expect(existsSync(at('refused.octavo'))).toBe(false);
  });
});

const EFFICIENTNET = join(SHARED, 'models/efficientnet-lite0');

describe.skipIf(!existsSync(EFFICIENTNET))('EfficientNet-Lite0 (needs ../shared)', () => {
  const images = join(SHARED, 'data/imagenet-sample/val');

  it('gives the same integers from safetensors and from ONNX, whose weights are external data', async () => {
    const options = ['--calibrate', `${images}:1`];
    const fromFolder = await quantized(EFFICIENTNET, 'folder.octavo', ...options);
    const fromOnnx = await quantized(join(EFFICIENTNET, 'model.onnx'), 'onnx.octavo', ...options);
    const integers = integersOf(fromFolder);
    expect(integers).toHaveLength(50);
    expect(integersOf(fromOnnx)).toEqual(integers);
    const scales = (graph: Graph) =>
      qparamsOf(graph).map(({ role, scales: all, zeroPoints }) => [role, all[0], all.length, zeroPoints[0]].join());
    expect(scales(fromOnnx)).toEqual(scales(fromFolder));
  }, 120_000);

  it('is evaluated as ONNX: float, our int8 graph, and that saved and loaded', async () => {
    const data = join(SHARED, 'data/imagenet-sample');
    const model = join(EFFICIENTNET, 'model.onnx');
    const args = ['--model', model, '--task', 'imagenet', '--data', data, '--calibrate', `${images}:1`, '--limit', '1'];
    const { code, out, err } = await octavo(['eval', ...args]);
    expect(code, err).toBe(0);
    const rows = out.split('\n').filter((line) => /^(float|graph)/.test(line));
    expect(rows.map((line) => line.slice(0, line.search(/ {2,}\d/)))).toEqual([
      'float',
      'graph           staticImage',
      'graph reloaded  staticImage',
    ]);
  });

  it('ends within 0.2 points of float from a start with one range that is far too wide', async () => {
    await loadNativeBackend();
    const model = await openFloatModel(EFFICIENTNET, { weights: null, tokenizer: null, preprocess: null });
    const qconfig = getDefaultQConfig('fbgemm');
    // Codes 16 units apart: next to nothing of what the block makes is left.
    const spoilt = { ...qconfig, activation: FixedQParamsObserver.withArgs({ scale: 16, zeroPoint: 64 }) };
    const { report, graph } = await quantizeForTask(model, {
      maxDrop: 0.2,
      task: 'imagenet',
      data: join(SHARED, 'data/imagenet-sample'),
      limit: 8,
      calibrate: { dir: images, count: 2 },
      batch: 4,
      qconfigDict: { '': qconfig, 'blocks.8.project.conv': spoilt },
      signal: new AbortController().signal,
      onTrial: () => {},
    });
    expect(report.trials[0]?.drop).toBeGreaterThan(10);
    expect(report.trials[1]?.group?.activation).toBe('blocks.8.project.conv');
    expect(report.met).toBe(true);
    expect(report.drop).toBeLessThanOrEqual(0.2);
    // Most of the model is int8 still.
    expect(coverage(graph).int8Share).toBeGreaterThan(0.8);
  }, 120_000);

  it('runs as ONNX with octavo run', async () => {
    await writeSafetensors(at('in.safetensors'), { input: Tensor.zeros([1, 3, 64, 64]) });
    const args = ['run', join(EFFICIENTNET, 'model.onnx'), '--inputs', at('in.safetensors'), '--outputs', at('out')];
    const { code, err } = await octavo(args);
    expect(code, err).toBe(0);
    const { build } = await openImageModel(EFFICIENTNET);
    const expected = build().call(Tensor.zeros([1, 3, 64, 64])) as Tensor;
    expect((await readSafetensors(at('out'))).tensors.logits?.data).toEqual(expected.data);
  });
});
