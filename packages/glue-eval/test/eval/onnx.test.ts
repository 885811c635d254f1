import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelBytes, tensorProto } from '../../../graph/test/onnx/build-model.js';
import { SHARED_MODELS } from '../../../graph/test/onnx/shared-models.js';
import { evaluate } from '../../src/eval/evaluate.js';
import type { Evaluation } from '../../src/eval/evaluation.js';
import type { EvaluateOptions } from '../../src/eval/options.js';
import { loadNativeBackend } from '../../src/native-backend.js';
import { makeTinyWorld, TINY_CONFIG, TINY_PAIRS, type TinyWorld } from './tiny-model.js';

let world: TinyWorld;

beforeAll(async () => {
  await loadNativeBackend();
  world = await makeTinyWorld();
});
afterAll(() => world.remove());

function run(model: string, options: Partial<EvaluateOptions> = {}): Promise<Evaluation> {
  return evaluate({ model, task: 'mrpc', data: world.data, tokenizer: world.model, ...options });
}

const INT32 = 6;
const INT64 = 7;
const WIDTH = 8;
const SIZE = TINY_CONFIG.vocab_size * WIDTH;

interface Written {
  readonly name: string;
  /** Inputs with their element types; the first is read. */
  readonly inputs?: Record<string, number>;
  readonly outputs?: readonly string[];
}

/** A classifier by the mean of its tokens' embeddings. */
async function write({ name, inputs = { input_ids: INT64 }, outputs = ['logits'] }: Written): Promise<string> {
  const values = (length: number): number[] => Array.from({ length }, (_, i) => Math.sin(i * 1.7));
  const bytes = modelBytes({
    inputs: Object.fromEntries(Object.keys(inputs).map((input) => [input, ['batch', 'length']])),
    types: inputs,
    initializers: [
      tensorProto('words.weight', [TINY_CONFIG.vocab_size, WIDTH], values(SIZE)),
      tensorProto('classifier.weight', [WIDTH, 2], values(2 * WIDTH)),
    ],
    nodes: [
      { op: 'Gather', name: '/words/Gather', in: ['words.weight', Object.keys(inputs)[0] as string], out: ['words'] },
      { op: 'ReduceMean', name: '/mean', in: ['words'], out: ['mean'], attrs: { axes: [1], keepdims: 0 } },
      { op: 'MatMul', name: '/classifier/MatMul', in: ['mean', 'classifier.weight'], out: ['logits'] },
      { op: 'Neg', name: '/negative', in: ['logits'], out: ['other'] },
    ],
    outputs,
  });
  const file = join(world.dir, `${name}.onnx`);
  await writeFile(file, bytes);
  return file;
}

describe('evaluate on an ONNX model', () => {
  it('has rows for float and for our graph, and debug where asked', async () => {
    const model = await write({ name: 'float' });
    const { summary, runs } = await run(model);
    expect(summary.modes.map(({ mode, qconfig }) => [mode, qconfig])).toEqual([
      ['float', null],
      ['graph', 'perRow'],
    ]);
    expect(summary.modes.map(({ int8Share }) => int8Share)).toEqual([0, 1]);
    expect(summary.note).toContain('linears alone');
    expect(runs[0]?.logits).toHaveLength(2 * TINY_PAIRS.length);
    expect(runs[0]?.logits).not.toEqual(runs[1]?.logits);
    const { runs: debug } = await run(model, { modes: ['debug'] });
    expect(debug.map(({ result }) => result.mode)).toEqual(['debug']);
    expect(debug[0]?.result.labelsChanged).not.toBeNull();
  });

  it('takes the output called logits among others', async () => {
    const [only, among] = [await write({ name: 'only' }), await write({ name: 'among', outputs: ['other', 'logits'] })];
    const logits = async (model: string) => (await run(model, { modes: ['float'] })).runs[0]?.logits;
    expect(await logits(among)).toEqual(await logits(only));
  });

  it.each<[string, Written, string]>([
    [
      'inputs of another name',
      { name: 'tokens', inputs: { tokens: INT64 } },
      'expected a graph with the inputs input_ids',
    ],
    ['a mask alone', { name: 'mask', inputs: { attention_mask: INT64 } }, 'got attention_mask'],
    [
      'int32 inputs',
      { name: 'int32', inputs: { input_ids: INT32 } },
      "expected input 'input_ids' to be int64, got int32",
    ],
    [
      'several outputs, none of them logits',
      { name: 'outputs', outputs: ['mean', 'other'] },
      "expected an output 'logits', got mean, other",
    ],
  ])('refuses %s, and names the file', async (_, written, message) => {
    const model = await write(written);
    await expect(run(model)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining(`${model}: ${message.startsWith('got') ? 'expected' : message}`),
    });
    await expect(run(model)).rejects.toThrow(message);
  });

  it('refuses modes that need modules, and a file that is missing', async () => {
    await expect(run(await write({ name: 'eager' }), { modes: ['eager'] })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('the modes float, graph, debug can be made from, got eager'),
    });
    await expect(run(join(world.dir, 'missing.onnx'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });
});

describe.skipIf(SHARED_MODELS === null)('evaluate on ONNX models of other tools', () => {
  const options = { maxLength: 32 };

  it('runs an exported BERT in float and int8', async () => {
    const { summary } = await run(`${SHARED_MODELS}onnx/tiny_bert_float.onnx`, options);
    expect(summary.modes.map(({ mode }) => mode)).toEqual(['float', 'graph']);
  });

  it('runs one that is quantized already as it is', async () => {
    const model = `${SHARED_MODELS}onnx/tiny_bert_dynamic_int8.onnx`;
    const { summary } = await run(model, options);
    expect(summary.modes).toHaveLength(1);
    expect(summary.modes[0]).toMatchObject({ mode: 'graph', qconfig: null, labelsChanged: null });
    await expect(run(model, { ...options, qconfigs: ['perRow'] })).rejects.toThrow('quantized already');
  });
});
