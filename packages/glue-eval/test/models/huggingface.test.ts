import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { narrowToFloat16Array, Tensor } from '@octavo/core';
import { readSafetensors, writeSafetensors } from '@octavo/core/node';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadPretrained, openPretrained } from '../../src/models/huggingface.js';
import { makeTinyWorld, TINY_CONFIG, type TinyWorld, tinyState } from '../eval/tiny-model.js';

let world: TinyWorld;
let dir: string;

beforeAll(async () => {
  world = await makeTinyWorld();
});
afterAll(() => world.remove());

beforeEach(async () => {
  dir = join(world.dir, 'changed');
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir);
  await writeFile(join(dir, 'config.json'), JSON.stringify(TINY_CONFIG));
  await writeSafetensors(join(dir, 'model.safetensors'), tinyState());
});

async function fault(): Promise<unknown> {
  return openPretrained(dir).then(
    () => null,
    (error: unknown) => error,
  );
}

describe('openPretrained', () => {
  it('builds models that share their weights', async () => {
    const pretrained = await openPretrained(world.model);
    const [one, two] = [pretrained.build(), pretrained.build()];
    const name = 'bert.encoder.layer.1.output.dense.weight';
    expect(one).not.toBe(two);
    expect(one.stateDict()[name]?.data).toBe(two.stateDict()[name]?.data);
    expect(one.training).toBe(false);
    expect(pretrained.config).toMatchObject({ maxPositions: 32, labels: ['different', 'same'] });
    expect(pretrained.weights).toBe(Object.values(tinyState()).reduce((sum, { size }) => sum + size, 0));
  });

  it('widens float16', async () => {
    const narrow = Object.fromEntries(
      Object.entries(tinyState()).map(([name, { data, dims }]) => [
        name,
        new Tensor('float16', narrowToFloat16Array(data as Float32Array), dims),
      ]),
    );
    await writeSafetensors(join(dir, 'model.safetensors'), narrow);
    const model = await loadPretrained(dir);
    const weight = model.stateDict()['classifier.weight'] as Tensor<'float32'>;
    const exact = tinyState()['classifier.weight'] as Tensor<'float32'>;
    expect(weight.type).toBe('float32');
    weight.data.forEach((value, i) => {
      expect(value).toBeCloseTo(exact.data[i] as number, 2);
    });
  });

  it('skips the position_ids buffer of old checkpoints', async () => {
    const file = join(dir, 'model.safetensors');
    const { tensors } = await readSafetensors(file);
    await writeSafetensors(file, { ...tensors, 'bert.embeddings.position_ids': Tensor.zeros([1, 32], 'int64') });
    expect(await fault()).toBeNull();
  });

  it('refuses a folder or file that is not there', async () => {
    await rm(join(dir, 'model.safetensors'));
    expect(await fault()).toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining('model.safetensors: there is no such file'),
    });
    await writeFile(join(dir, 'pytorch_model.bin'), '');
    expect(await fault()).toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining('safe_serialization=True'),
    });
    await rm(join(dir, 'config.json'));
    expect(await fault()).toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining('config.json: there is no such file'),
    });
    await rm(dir, { recursive: true });
    expect(await fault()).toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining('got nothing by that name'),
    });
  });

  it('refuses a truncated file', async () => {
    const file = join(dir, 'model.safetensors');
    await writeFile(file, (await readFile(file)).subarray(0, 5000));
    expect(await fault()).toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringMatching(/model\.safetensors: .*truncated/),
    });
  });

  it('refuses a config that is no JSON object', async () => {
    await writeFile(join(dir, 'config.json'), '{');
    expect(await fault()).toMatchObject({ code: 'INVALID_FILE', message: expect.stringContaining('expected JSON') });
    await writeFile(join(dir, 'config.json'), '[]');
    expect(await fault()).toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringContaining('expected a JSON object'),
    });
  });

  it('refuses weights that do not fit, naming file and weight', async () => {
    await writeFile(join(dir, 'config.json'), JSON.stringify({ ...TINY_CONFIG, num_hidden_layers: 1 }));
    expect(await fault()).toMatchObject({
      code: 'STATE_DICT_MISMATCH',
      message: expect.stringMatching(/model\.safetensors: .*unexpected: bert\.encoder\.layer\.1\./),
    });
  });
});
