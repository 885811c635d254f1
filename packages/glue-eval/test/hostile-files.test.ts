import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Generator, isOctavoError } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../src/image/decode.js';
import { readBertConfig } from '../src/models/bert-config.js';
import { PairTokenizer } from '../src/text/tokenizer.js';
import { readWeights } from '../src/weights/read-weights.js';
import { temporaryFolder } from './data/temporary-folder.js';
import { makeTinyWorld } from './eval/tiny-model.js';
import { EXPECTED } from './image/expected.js';

const ROUNDS = process.env.OCTAVO_TEST_LONG ? 2000 : 60;

const ARCHIVES: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL('weights/fixtures/files.json', import.meta.url), 'utf8'),
);

/** Bytes cut off at a random place, or with a few of them changed. */
function damaged(whole: Uint8Array, random: Generator): Uint8Array {
  if (random.integer(3) === 0) return whole.slice(0, random.integer(whole.length));
  const bytes = whole.slice();
  for (let edits = 1 + random.integer(4); edits > 0; edits--) bytes[random.integer(bytes.length)] = random.integer(256);
  return bytes;
}

/** What reads a damaged file gives something, or an OctavoError that names the file. */
async function survives(read: (file: string) => unknown, whole: Uint8Array, name: string, seed: number): Promise<void> {
  const file = join(await temporaryFolder(), name);
  const random = new Generator(seed);
  for (let round = 0; round < ROUNDS; round++) {
    await writeFile(file, damaged(whole, random));
    try {
      await read(file);
    } catch (error) {
      if (!isOctavoError(error)) throw new Error(`round ${round}: ${(error as Error).stack}`);
      expect(error.message).toContain(name);
    }
  }
}

describe('a damaged file is read, or refused by an error that names it', () => {
  it.each(['state dict', 'checkpoint', 'protocol 4'])('a .pth archive: %s', async (name) => {
    await survives(readWeights, Buffer.from(ARCHIVES[name] as string, 'base64'), 'weights.pth', 1);
  });

  it.each(EXPECTED.decoded.map(({ name, base64 }) => [name, base64]))('an image: %s', async (name, base64) => {
    await survives(decodeImage, Buffer.from(base64, 'base64'), name, 2);
  });

  it('a tokenizer and a config', async () => {
    const { model, remove } = await makeTinyWorld();
    try {
      const random = new Generator(3);
      for (const name of ['tokenizer.json', 'tokenizer_config.json', 'config.json']) {
        const whole = readFileSync(join(model, name));
        for (let round = 0; round < ROUNDS; round++) {
          await writeFile(join(model, name), damaged(whole, random));
          try {
            const tokenizer = await PairTokenizer.fromFolder(model);
            tokenizer.encodeBatch([['A cat sat.', 'It ran home.']], 16);
            readBertConfig(JSON.parse(readFileSync(join(model, 'config.json'), 'utf8')), 'config.json');
          } catch (error) {
            if (!isOctavoError(error) && !(error instanceof SyntaxError)) {
              throw new Error(`${name}, round ${round}: ${(error as Error).stack}`);
            }
          }
        }
        await writeFile(join(model, name), whole);
      }
    } finally {
      await remove();
    }
  });
});
