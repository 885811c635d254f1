import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { narrowToFloat16Array, Tensor } from '@octavo/core';
import { writeSafetensors } from '@octavo/core/node';
import { describe, expect, it } from 'vitest';
import { readWeights } from '../../src/weights/read-weights.js';
import { temporaryFolder } from '../data/temporary-folder.js';

/** Written by fixtures/make.py in the form of torch.save. */
const FILES: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL('fixtures/files.json', import.meta.url), 'utf8'),
);

async function fileOf(name: string): Promise<string> {
  return join(await temporaryFolder({ 'weights.pth': Buffer.from(FILES[name] as string, 'base64') }), 'weights.pth');
}

describe('readWeights of a .pth file', () => {
  it('gives every tensor by name, views copied', async () => {
    const state = await readWeights(await fileOf('state dict'));
    const found = Object.entries(state).map(([name, { type, dims, data }]) => [name, type, dims, [...data]]);
    expect(found).toEqual([
      ['plain', 'float32', [2, 3], [1.5, -2.5, 3, 4, 5, 6]],
      ['transposed', 'float32', [3, 2], [0, 3, 1, 4, 2, 5]],
      ['part', 'float32', [2], [6, 7]],
      ['scalar', 'int64', [], [2n ** 40n]],
      ['empty', 'float32', [0, 3], []],
      ['half', 'float32', [2], [0.5, -65504]],
      ['bfloat16', 'float32', [2], [1, -3.140625]],
      ['double', 'float32', [1], [Math.fround(0.1)]],
      ['int', 'int32', [1], [-7]],
      ['char', 'int8', [1], [-128]],
      ['byte', 'uint8', [1], [255]],
      ['bool', 'bool', [2], [1, 0]],
      ['parameter', 'float32', [1], [9]],
    ]);
  });

  it.each(['checkpoint', 'protocol 4'])('takes a %s', async (name) => {
    const { w } = await readWeights(await fileOf(name));
    expect([...(w as Tensor<'float32'>).data]).toEqual([1, 2]);
  });

  it.each([
    ['os.system', /pickle names (posix|nt)\.system, .*nothing was executed/],
    ['eval', /pickle names (builtins|__builtin__)\.eval, .*nothing was executed/],
    ['int16', /pickle names torch\.ShortStorage/],
    ['outside its storage', /a tensor \[2\] with strides \[1\] at 1 does not lie in its storage of 2 elements/],
    ['expanded', /does not lie in its storage of 1 elements/],
    ['negative stride', /its pickle is malformed: a tensor of a storage, an offset, sizes and strides was expected/],
    ['huge sizes', /does not lie in its storage of 2 elements/],
    ['short storage', /its storage 0 has 4 bytes; expected 8/],
    ['long storage', /its entry data\/0 has 12 bytes; expected at most 8/],
    ['missing storage', /its entry data\/0 is missing/],
    ['compressed', /its entry data\/0 is compressed/],
    ['big-endian', /its byte order is 'big'/],
    ['no pickle', /expected a file of torch\.save/],
    ['a list', /a dictionary of tensors was expected/],
    ['no tensors', /expected tensors by name, got something else at 'epoch'/],
    ['empty', /it holds no tensor/],
    ['legacy', /a \.pth file of PyTorch before 1\.6/],
  ])('refuses: %s', async (name, message) => {
    const file = await fileOf(name);
    const error = await readWeights(file).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'INVALID_FILE', message: expect.stringMatching(message) });
    expect((error as Error).message).toContain(file);
    expect(existsSync('/tmp/octavo-was-here')).toBe(false);
  });

  it('refuses a truncated file and a damaged pickle', async () => {
    const whole = Buffer.from(FILES['state dict'] as string, 'base64');
    const at = whole.indexOf('data.pkl') + 'data.pkl'.length;
    const folder = await temporaryFolder({
      'short.pth': whole.subarray(0, whole.length - 100),
      'damaged.pth': Buffer.concat([whole.subarray(0, at + 40), Buffer.alloc(40, 0xff), whole.subarray(at + 80)]),
    });
    for (const name of ['short.pth', 'damaged.pth']) {
      await expect(readWeights(join(folder, name))).rejects.toMatchObject({
        code: 'INVALID_FILE',
        message: expect.stringContaining(name),
      });
    }
  });
});

describe('readWeights of another file', () => {
  it('reads safetensors and widens float16', async () => {
    const file = join(await temporaryFolder(), 'w.safetensors');
    const half = new Tensor('float16', narrowToFloat16Array(Float32Array.of(0.5, 2)), [2]);
    await writeSafetensors(file, { half });
    const state = await readWeights(file);
    expect(state.half).toMatchObject({ type: 'float32', dims: [2] });
    expect([...(state.half as Tensor<'float32'>).data]).toEqual([0.5, 2]);
  });

  it('refuses a missing file and one of another format', async () => {
    const folder = await temporaryFolder({ 'text.bin': 'neither one nor the other, but long enough' });
    await expect(readWeights(join(folder, 'none.pth'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    await expect(readWeights(join(folder, 'text.bin'))).rejects.toMatchObject({ code: 'INVALID_FILE' });
  });
});
