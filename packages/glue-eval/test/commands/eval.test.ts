import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeTinyWorld, TINY_CONFIG, TINY_PAIRS, type TinyWorld, tsv } from '../eval/tiny-model.js';
import { octavo } from './command-run.js';

let world: TinyWorld;
/** A place for broken copies. */
let bad: string;

beforeAll(async () => {
  world = await makeTinyWorld();
  bad = join(world.dir, 'bad');
});
afterAll(() => world.remove());
beforeEach(async () => {
  await rm(bad, { recursive: true, force: true });
  await mkdir(bad);
});

const evalTiny = (...more: string[]): string[] => [
  'eval',
  '--model',
  world.model,
  '--task',
  'mrpc',
  '--data',
  world.data,
  ...more,
];

describe('octavo eval', () => {
  it('prints a table, and progress as plain lines', async () => {
    const { code, out, err } = await octavo(evalTiny('--mode', 'float,graph', '--qconfig', 'perRow,default'));
    expect(code).toBe(0);
    const lines = out.split('\n');
    expect(lines[0]).toMatch(/ on mrpc \(dev, 5 examples\), backend \w+ \w+, \d+ threads?$/);
    expect(lines[2]).toMatch(
      /^mode +qconfig +MB +accuracy +F1 +mean +changed +seconds +ms\/example +ms\/batch +speed-up +int8$/,
    );
    expect(lines.slice(3).map((line) => line.split(/ +/).slice(0, 2).join(' '))).toEqual([
      expect.stringMatching(/^float \d/),
      'graph perRow',
      'graph default',
      '',
    ]);
    expect(err).toBe('float: 5/5\ngraph perRow: 5/5\ngraph default: 5/5\n');
  });

  it('writes JSON and HTML, and leaves no other file', async () => {
    const [json, report] = [join(bad, 'r.json'), join(bad, 'r.html')];
    const { code } = await octavo(evalTiny('--mode', 'float,graph', '--json', json, '--report', report));
    expect(code).toBe(0);
    const result = JSON.parse(await readFile(json, 'utf8'));
    expect(result).toMatchObject({ model: world.model, task: 'mrpc', split: 'dev', examples: 5 });
    expect(result.modes.map((row: { mode: string }) => row.mode)).toEqual(['float', 'graph']);
    expect(await readFile(report, 'utf8')).toContain('<!doctype html>');
    expect((await readdir(bad)).sort()).toEqual(['r.html', 'r.json']);
  });

  it('exits with 130 when interrupted, and writes no file', async () => {
    const controller = new AbortController();
    const json = join(bad, 'r.json');
    let err = '';
    const run = await octavo(evalTiny('--batch', '1', '--json', json), {
      signal: controller.signal,
      err: (text) => {
        err += text;
        controller.abort();
      },
    });
    expect(run.code).toBe(130);
    expect(err.split('\n').at(-2)).toBe('octavo: interrupted; nothing was written');
    expect(await readdir(bad)).toEqual([]);
  });
});

describe('octavo eval refuses, with exit code 2 and one sentence,', () => {
  async function refusal(args: readonly string[]): Promise<string> {
    const { code, out, err } = await octavo(args);
    expect(code, err).toBe(2);
    expect(out).toBe('');
    expect(err).toMatch(/^octavo: [^\n]+\n$/);
    expect(err).not.toMatch(/\n +at /);
    return err;
  }

  const withModel = (model: string): string[] => ['eval', '--model', model, '--task', 'mrpc', '--data', world.data];
  const withData = (data: string): string[] => ['eval', '--model', world.model, '--task', 'mrpc', '--data', data];

  it('a missing folder', async () => {
    expect(await refusal(withModel(join(bad, 'none')))).toContain('got nothing by that name; check the path');
    expect(await refusal(withData(join(bad, 'none')))).toContain('data folder');
  });

  it('a folder without a model', async () => {
    expect(await refusal(withModel(bad))).toContain('config.json: there is no such file');
  });

  it('a truncated safetensors file', async () => {
    for (const name of ['config.json', 'tokenizer.json']) {
      await writeFile(join(bad, name), await readFile(join(world.model, name)));
    }
    const whole = await readFile(join(world.model, 'model.safetensors'));
    await writeFile(join(bad, 'model.safetensors'), whole.subarray(0, whole.length - 100));
    expect(await refusal(withModel(bad))).toMatch(/model\.safetensors: the file is truncated/);
  });

  it('an architecture that is not known', async () => {
    await writeFile(
      join(bad, 'config.json'),
      JSON.stringify({ ...TINY_CONFIG, architectures: ['GPT2LMHeadModel'], model_type: 'gpt2' }),
    );
    const message = await refusal(withModel(bad));
    expect(message).toContain("'GPT2LMHeadModel'");
    expect(message).toContain('supported: BertForSequenceClassification');
  });

  it('a model with another number of labels', async () => {
    await writeFile(join(bad, 'config.json'), JSON.stringify({ ...TINY_CONFIG, id2label: { 0: 'a', 1: 'b', 2: 'c' } }));
    await writeFile(join(bad, 'model.safetensors'), await readFile(join(world.model, 'model.safetensors')));
    expect(await refusal(withModel(bad))).toContain('classifier.weight: expected float32 [3, 16], got float32 [2, 16]');
  });

  it('a TSV file with a missing column', async () => {
    await writeFile(join(bad, 'dev.tsv'), tsv(TINY_PAIRS).replace('#2 String', 'other'));
    expect(await refusal(withData(bad))).toContain("expected a column '#2 String'");
  });

  it('a label that is no number', async () => {
    await writeFile(join(bad, 'dev.tsv'), tsv([...TINY_PAIRS, ['yes', 'The cat sat.', 'A cat sat.']]));
    expect(await refusal(withData(bad))).toMatch(/line 7, .*'yes', which is no number/);
  });

  it('a split that is not there', async () => {
    expect(await refusal(evalTiny('--split', 'test'))).toContain("expected a file of the split 'test'");
  });

  it('unknown names', async () => {
    expect(await refusal(evalTiny('--mode', 'float,grph'))).toContain(
      "unknown mode of task mrpc 'grph'; did you mean 'graph'?",
    );
    expect(await refusal(evalTiny('--qconfig', 'perChanel'))).toContain(
      "unknown qconfig 'perChanel'; did you mean 'perChannel'?",
    );
    expect(await refusal(evalTiny('--scheme', 'static'))).toContain("unknown scheme 'static'; Known: dynamic");
    const task = ['eval', '--model', world.model, '--task', 'mprc', '--data', world.data];
    expect(await refusal(task)).toContain("unknown task 'mprc'; did you mean 'mrpc'?");
  });

  it('wrong usage', async () => {
    expect(await refusal(['eval', '--task', 'mrpc'])).toContain("required option '--model <path>' not specified");
    expect(await refusal(evalTiny('--limit', '0'))).toContain(
      "'--limit <n>' argument '0' is invalid. Expected a positive integer.",
    );
    expect(await refusal(evalTiny('--mode', ','))).toContain('Expected names separated by commas.');
    expect(await refusal(evalTiny('--qconfigs', 'perRow'))).toContain(
      "unknown option '--qconfigs' (Did you mean --qconfig?)",
    );
    expect(await refusal(evalTiny('surplus'))).toContain('too many arguments');
    expect(await refusal(['evl'])).toContain("unknown command 'evl' (Did you mean eval?)");
  });

  it('a result file that cannot be written, before the run', async () => {
    const { code, err } = await octavo(evalTiny('--json', join(bad, 'none', 'r.json')));
    expect(code).toBe(2);
    expect(err).toMatch(/^octavo: --json .*cannot be written \(there is no folder .*\n$/);
    expect(await refusal(evalTiny('--report', bad))).toContain('expected a file to write, got a folder');
  });
});
