import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { doctor, Tensor } from '@octavo/core';
import { readSafetensors, writeSafetensors } from '@octavo/core/node';
import { importOnnx } from '@octavo/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTinyWorld, type TinyWorld } from '../eval/tiny-model.js';
import { octavo } from './command-run.js';

let world: TinyWorld;
/** A graph that `octavo quantize` saved. */
let saved: string;

beforeAll(async () => {
  world = await makeTinyWorld();
  saved = join(world.dir, 'saved.safetensors');
  expect((await octavo(['quantize', world.model, '--out', saved])).code).toBe(0);
});
afterAll(() => world.remove());

const REFUSED = /^octavo: [^\n]+\n$/;

describe('octavo quantize', () => {
  it('says what became int8 and how large the file is', async () => {
    const output = join(world.dir, 'kept.safetensors');
    const { code, out } = await octavo([
      'quantize',
      world.model,
      '--out',
      output,
      '--skip',
      'classifier',
      '--skip',
      'bert.pooler',
    ]);
    expect(code).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines.find((line) => line.startsWith('classifier'))).toContain('float32');
    expect(lines.find((line) => line.startsWith('bert.encoder.layer.1.output.dense'))).toContain('int8');
    expect(lines.at(-1)).toMatch(/kept\.safetensors: \d+\.\d MB \(float: \d+\.\d MB\)$/);
    expect((await readdir(world.dir)).sort()).toEqual(['data', 'kept.safetensors', 'model', 'saved.safetensors']);
  });

  it.each([
    [['--qconfig', 'perrow'], "unknown qconfig 'perrow'; did you mean 'perRow'?"],
    [['--skip', 'clasifier'], "'clasifier'"],
    [['--out', '/nowhere/x.safetensors'], 'there is no folder /nowhere'],
  ])('refuses %j', async (more, message) => {
    const output = join(world.dir, 'refused.safetensors');
    const { code, err } = await octavo(['quantize', world.model, '--out', output, ...more]);
    expect(code).toBe(2);
    expect(err).toMatch(REFUSED);
    expect(err).toContain(message);
    expect(await readdir(world.dir)).not.toContain('refused.safetensors');
  });
});

describe('octavo quantize --improve', () => {
  const printed = async (...more: string[]) => {
    const file = join(world.dir, 'improved.octavo');
    const options = ['--scheme', 'static', '--calibrate', world.data, ...more];
    const { code, err } = await octavo(['quantize', world.model, '--out', file, ...options]);
    expect(code, err).toBe(0);
    return (await octavo(['inspect', file])).out;
  };

  it('goes with SmoothQuant where text is static, and takes attention into int8 where asked to', async () => {
    const byDefault = await printed();
    expect(await printed('--improve', 'smoothQuant')).toEqual(byDefault);
    expect(await printed('--improve', 'none')).not.toEqual(byDefault);
    expect(byDefault).not.toContain('multi_head_attention_int8');
    expect(await printed('--improve', 'smoothQuant,int8Attention')).toContain('multi_head_attention_int8');
  });
});

describe('octavo eval on a saved graph', () => {
  it('takes the tokenizer from the folder of the model', async () => {
    const args = ['eval', '--model', saved, '--tokenizer', world.model, '--task', 'mrpc', '--data', world.data];
    const { code, out } = await octavo(args);
    expect(code).toBe(0);
    expect(out.split('\n')[3]).toMatch(/^graph /);
  });

  it('refuses a file that is no saved graph', async () => {
    const model = join(world.model, 'model.safetensors');
    const args = ['eval', '--model', model, '--tokenizer', world.model, '--task', 'mrpc', '--data', world.data];
    const { code, err } = await octavo(args);
    expect(code).toBe(2);
    expect(err).toMatch(REFUSED);
    expect(err).toContain('holds no quantized model');
  });
});

describe('octavo run', () => {
  it('runs a saved graph on tensors of a file', async () => {
    const [input, output] = [join(world.dir, 'in.safetensors'), join(world.dir, 'out.safetensors')];
    const ids = Tensor.from(
      [
        [2, 5, 7, 3],
        [2, 9, 3, 0],
      ],
      { dtype: 'int64' },
    );
    const mask = Tensor.from(
      [
        [1, 1, 1, 1],
        [1, 1, 1, 0],
      ],
      { dtype: 'int64' },
    );
    await writeSafetensors(input, {
      input_ids: ids,
      attention_mask: mask,
      token_type_ids: Tensor.zeros([2, 4], 'int64'),
    });
    const { code, out } = await octavo(['run', saved, '--inputs', input, '--outputs', output]);
    expect(code).toBe(0);
    expect(out).toMatch(/^output: float32 \[2, 2\] = -?\d[^\n]*\n$/);
    expect((await readSafetensors(output)).tensors.output?.dims).toEqual([2, 2]);
  });

  it('refuses a file that lacks an input', async () => {
    const input = join(world.dir, 'lacks.safetensors');
    await writeSafetensors(input, { ids: Tensor.zeros([1, 3], 'int64') });
    const { code, err } = await octavo(['run', saved, '--inputs', input]);
    expect(code).toBe(2);
    expect(err).toMatch(REFUSED);
    expect(err).toContain("expected a tensor 'input_ids' for the graph's input, got ids");
  });
});

describe('octavo export', () => {
  it('writes an ONNX model of a saved graph', async () => {
    const model = join(world.dir, 'model.onnx');
    const { code, out } = await octavo(['export', saved, '--out', model]);
    expect(code).toBe(0);
    expect(out).toMatch(/model\.onnx: \d+\.\d MB\n$/);
    expect((await importOnnx(model)).inputNames).toEqual(['input_ids', 'attention_mask', 'token_type_ids']);
  });

  it('puts the weights into a file of their own', async () => {
    const model = join(world.dir, 'apart.onnx');
    const { code, err } = await octavo(['export', saved, '--out', model, '--external-data']);
    expect(code, err).toBe(0);
    expect((await readdir(world.dir)).filter((name) => name.startsWith('apart'))).toEqual([
      'apart.onnx',
      'apart.onnx.data',
    ]);
    expect((await importOnnx(model)).inputNames).toContain('input_ids');
  });
});

describe('octavo inspect', () => {
  it('shows a saved graph', async () => {
    const { code, out } = await octavo(['inspect', saved]);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^BertForSequenceClassification, quantized, \d+\.\d MB\ninputs: input_ids, attention_mask, token_type_ids\n/,
    );
    expect(out).toContain('quantized::linear_dynamic');
    expect(out).toContain('graph(%self : BertForSequenceClassification');
    expect((await octavo(['inspect', saved, '--no-graph'])).out).not.toContain('graph(%self');
  });

  it('shows a Hugging Face folder', async () => {
    const { code, out } = await octavo(['inspect', world.model]);
    expect(code).toBe(0);
    expect(out).toContain('labels: different, same\nlongest input: 32 tokens');
    expect(out).toContain('(query): Linear(in_features=16, out_features=16, bias=True)');
  });

  it('refuses a path that is not there', async () => {
    const { code, err } = await octavo(['inspect', join(world.dir, 'none')]);
    expect(code).toBe(2);
    expect(err).toMatch(REFUSED);
  });
});

describe('octavo golden', () => {
  it('refuses a folder without vectors', async () => {
    const { code, err } = await octavo(['golden', world.data]);
    expect(code).toBe(2);
    expect(err).toMatch(REFUSED);
  });
});

describe('octavo doctor', () => {
  it('says what runs here', async () => {
    const { code, out } = await octavo(['doctor']);
    expect(code).toBe(0);
    expect(out).toMatch(/^platform +\w+-\w+\nnode +\d+\.\d+\.\d+\nbackend +(native|reference)\nisa +\w+/);
    for (const [isa, why] of Object.entries(doctor().missingIsas)) expect(out).toContain(`not used   ${isa}: ${why}\n`);
    expect(out).toMatch(/self-test +(\d+) of \1 checks give the reference's bits/);
    expect(out).toMatch(/\ncpu +\S+/);
    expect(out).toMatch(/\npeak +(int8 [\d.e+]+, float32 [\d.e+]+ GMAC\/s on one thread|not measured)/);
  });

  it('lists the ops of each kernel when asked', async () => {
    const { out } = await octavo(['doctor', '--kernels']);
    const { kernels } = doctor();
    for (const op of ['aten::gelu', 'aten::linear', 'quantized::linear_dynamic']) {
      const line = out.split('\n').find((text) => text.includes(`${op},`) || text.endsWith(op));
      expect(line ?? 'reference').toContain(kernels[op]);
    }
  });
});

describe('octavo', () => {
  it('prints its version and its help', async () => {
    expect((await octavo(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    const { code, out } = await octavo(['--help']);
    expect(code).toBe(0);
    for (const name of ['eval', 'quantize', 'run', 'inspect', 'compare', 'golden', 'doctor'])
      expect(out).toContain(`  ${name} `);
  });

  it('shows where an unexpected error comes from only when asked', async () => {
    const file = join(world.dir, 'graph.txt');
    await writeFile(file, 'no graph');
    expect((await octavo(['inspect', file])).err).toMatch(REFUSED);
    expect((await octavo(['inspect', file], { debug: true })).err).toMatch(/\n +at /);
  });
});
