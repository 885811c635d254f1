import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { coverage, exportOnnx, type Graph, loadGraph, qparamsOf, saveGraph, trace } from '@octavo/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPretrained } from '../../src/models/huggingface.js';
import { exampleInputs } from '../../src/models/inputs.js';
import { makeTinyWorld, TINY_PAIRS, type TinyWorld, tsv } from '../eval/tiny-model.js';
import { describeWithShared, MRPC_DATA, MRPC_SMALL } from '../models/mrpc-small.js';
import { octavo } from './command-run.js';

let world: TinyWorld;
const at = (name: string): string => join(world.dir, name);

beforeAll(async () => {
  world = await makeTinyWorld();
});
afterAll(() => world.remove());

async function quantized(model: string, name: string, ...more: string[]): Promise<Graph> {
  const { code, err } = await octavo(['quantize', model, '--out', at(name), '--scheme', 'static', ...more]);
  expect(code, err).toBe(0);
  return loadGraph(at(name));
}

const scales = (graph: Graph): string[] =>
  qparamsOf(graph).map(({ role, scales: all, zeroPoints }) => `${role} ${all[0]} ${all.length} ${zeroPoints[0]}`);

describe('octavo quantize --scheme static of a text model', () => {
  it('takes ranges from pairs of sentences; what it saves can be evaluated', async () => {
    const int8 = await quantized(world.model, 'int8.octavo', '--calibrate', `${world.data}:3`, '--batch', '2');
    expect(
      coverage(int8)
        .rows.filter(({ op }) => op.includes('linear'))
        .every(({ precision }) => precision === 'int8'),
    ).toBe(true);
    expect(int8.print()).not.toContain('linear_dynamic');
    const task = ['--tokenizer', world.model, '--task', 'mrpc', '--data', world.data];
    const { code, out, err } = await octavo(['eval', '--model', at('int8.octavo'), ...task]);
    expect(code, err).toBe(0);
    expect(out.split('\n')[3]).toMatch(/^graph /);
  });

  it('takes the qconfig that is named, leaves float what is to be skipped, and calibrates on so many pairs', async () => {
    const some = await quantized(
      world.model,
      'some.octavo',
      '--calibrate',
      `${world.data}:1`,
      '--qconfig',
      'fbgemm',
      '--skip',
      'bert.pooler',
    );
    const rows = Object.fromEntries(coverage(some).rows.map(({ path, precision }) => [path, precision]));
    expect(rows['bert.pooler.dense']).toBe('float32');
    expect(rows.classifier).toBe('int8');
    const all = await quantized(
      world.model,
      'all.octavo',
      '--calibrate',
      world.data,
      '--qconfig',
      'fbgemm',
      '--skip',
      'bert.pooler',
    );
    expect(scales(all)).not.toEqual(scales(some));
  });

  it('prefers the pairs that a model was trained with', async () => {
    const both = at('both');
    await mkdir(both);
    await writeFile(join(both, 'dev.tsv'), tsv(TINY_PAIRS));
    await writeFile(join(both, 'train.tsv'), tsv(TINY_PAIRS.slice(0, 2)));
    const a = await quantized(world.model, 'a.octavo', '--calibrate', both);
    const b = await quantized(world.model, 'b.octavo', '--calibrate', `${world.data}:2`);
    expect(scales(a)).toEqual(scales(b));
  });

  it('takes a saved float graph and an ONNX model, with a tokenizer, to the same ranges', async () => {
    const float = trace(await loadPretrained(world.model), exampleInputs(8));
    await saveGraph(float, at('float.octavo'));
    await exportOnnx(float, at('float.onnx'));
    const options = ['--calibrate', `${world.data}:2`];
    const expected = scales(await quantized(world.model, 'folder.octavo', ...options));
    const tokenizer = ['--tokenizer', world.model];
    expect(scales(await quantized(at('float.octavo'), 'file.octavo', ...options, ...tokenizer))).toEqual(expected);
    expect(scales(await quantized(at('float.onnx'), 'onnx.octavo', ...options, ...tokenizer))).toEqual(expected);
  });

  it('gives float back until a metric has lost no more than allowed', async () => {
    const goal = ['--max-drop', '0', '--task', 'mrpc', '--data', world.data, '--limit', '4', '--json', at('path.json')];
    await quantized(world.model, 'kept.octavo', '--calibrate', world.data, ...goal);
    expect(JSON.parse(await readFile(at('path.json'), 'utf8'))).toMatchObject({ met: true, maxDrop: 0 });
  });

  it('exits with 130 when interrupted while it calibrates, and leaves no file', async () => {
    const before = await readdir(world.dir);
    const controller = new AbortController();
    let err = '';
    const args = [
      'quantize',
      world.model,
      '--out',
      at('half.octavo'),
      '--scheme',
      'static',
      '--calibrate',
      world.data,
      '--batch',
      '1',
    ];
    const { code } = await octavo(args, {
      signal: controller.signal,
      err: (text) => {
        err += text;
        if (text.startsWith('calibration: 2 ')) controller.abort();
      },
    });
    expect(code).toBe(130);
    expect(err).toContain('calibration: 2 batches');
    expect(err.split('\n').at(-2)).toBe('octavo: interrupted; nothing was written');
    expect(await readdir(world.dir)).toEqual(before);
  });

  it.each([
    [[], '--calibrate FOLDER[:N]'],
    [['--calibrate', 'DATA', '--qconfig', 'fbgem'], "unknown qconfig 'fbgem'; did you mean 'fbgemm'?"],
    [['--calibrate', 'DATA', '--skip', 'bert.poler'], "did you mean 'bert.pooler'?"],
    [['--calibrate', 'DATA:99'], 'expected at least 99 pairs, got 5'],
    [['--calibrate', 'DATA:0'], 'FOLDER or FOLDER:N with N of at least 1'],
    [['--calibrate', '/nowhere'], '/nowhere'],
    [['--calibrate', 'DATA', '--batch', '0'], '--batch'],
    [['--calibrate', 'DATA', '--weights', 'w.pth'], 'it takes no --weights'],
    [['--calibrate', 'DATA', '--preprocess', 'resnet18'], 'it takes no --preprocess'],
  ])('refuses %j', async (more, message) => {
    const args = more.map((each) => each.replace('DATA', world.data));
    const { code, err } = await octavo([
      'quantize',
      world.model,
      '--out',
      at('refused.octavo'),
      '--scheme',
      'static',
      ...args,
    ]);
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(existsSync(at('refused.octavo'))).toBe(false);
  });

  it('refuses a graph without a tokenizer', async () => {
    await saveGraph(trace(await loadPretrained(world.model), exampleInputs(8)), at('alone.octavo'));
    const args = [
      'quantize',
      at('alone.octavo'),
      '--out',
      at('no.octavo'),
      '--scheme',
      'static',
      '--calibrate',
      world.data,
    ];
    const { code, err } = await octavo(args);
    expect(code).toBe(2);
    expect(err).toContain('--tokenizer');
  });
});

describeWithShared('mrpc-small (needs ../shared)', () => {
  it('is quantized statically, all linears int8', async () => {
    const int8 = await quantized(MRPC_SMALL, 'mrpc.octavo', '--calibrate', `${MRPC_DATA}:8`);
    const linears = coverage(int8).rows.filter(({ op }) => op.includes('linear'));
    expect(linears.length).toBeGreaterThan(20);
    expect(linears.filter(({ precision }) => precision !== 'int8')).toEqual([]);
  }, 120_000);
});
