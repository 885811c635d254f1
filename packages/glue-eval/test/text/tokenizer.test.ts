import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PairTokenizer } from '../../src/text/tokenizer.js';
import { EXPECTED } from './expected-encodings.js';

const model = fileURLToPath(new URL('../../../../models/mrpc-small', import.meta.url));

let tokenizer: PairTokenizer;
let folder: string;

beforeAll(async () => {
  tokenizer = await PairTokenizer.fromFolder(model);
  folder = await mkdtemp(join(tmpdir(), 'octavo-tokenizer-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('PairTokenizer.encode', () => {
  it.each(EXPECTED)('encodes %j and %j within %i', (a, b, maxLength, inputIds, tokenTypeIds) => {
    expect(tokenizer.encode(a, b, maxLength)).toEqual({ inputIds, tokenTypeIds });
  });

  it('refuses a length that cannot hold the special tokens', () => {
    for (const maxLength of [2, 0, -1, 7.5, Number.NaN]) {
      expect(() => tokenizer.encode('a', 'b', maxLength)).toThrow(
        expect.objectContaining({
          code: 'INVALID_ARGUMENT',
          message: `maxLength: expected an integer of at least 3 (the number of special tokens), got ${maxLength}`,
        }),
      );
    }
    expect(() => tokenizer.encode('a', null, 1)).toThrow('at least 2');
  });
});

describe('PairTokenizer.encodeBatch', () => {
  it('pads on the right to the longest of the batch', () => {
    const batch = tokenizer.encodeBatch(
      [
        ['one two three', ''],
        ['one two', 'three four five six seven eight nine ten'],
        ['', null],
      ],
      9,
    );
    expect(batch).toEqual({
      batch: 3,
      length: 9,
      inputIds: BigInt64Array.of(
        ...[2n, 155n, 175n, 220n, 3n, 3n, 0n, 0n, 0n],
        ...[2n, 155n, 175n, 3n, 220n, 302n, 397n, 536n, 3n],
        ...[2n, 3n, 0n, 0n, 0n, 0n, 0n, 0n, 0n],
      ),
      attentionMask: BigInt64Array.of(
        ...[1n, 1n, 1n, 1n, 1n, 1n, 0n, 0n, 0n],
        ...[1n, 1n, 1n, 1n, 1n, 1n, 1n, 1n, 1n],
        ...[1n, 1n, 0n, 0n, 0n, 0n, 0n, 0n, 0n],
      ),
      tokenTypeIds: BigInt64Array.of(
        ...[0n, 0n, 0n, 0n, 0n, 1n, 0n, 0n, 0n],
        ...[0n, 0n, 0n, 0n, 1n, 1n, 1n, 1n, 1n],
        ...[0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n],
      ),
    });
  });

  it('gives an empty batch for no texts', () => {
    expect(tokenizer.encodeBatch([], 128)).toMatchObject({ batch: 0, length: 0, inputIds: new BigInt64Array(0) });
  });
});

describe('PairTokenizer.fromFolder', () => {
  /** Writes changed copies of the model's files (`null`: leaves a file out) and loads the folder. */
  async function load(tokenizerJson: object | string | null, config: object | null): Promise<PairTokenizer> {
    const write = async (name: string, content: object | string | null) => {
      await rm(join(folder, name), { force: true });
      if (content === null) return;
      await writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
    };
    await write('tokenizer.json', tokenizerJson);
    await write('tokenizer_config.json', config);
    return PairTokenizer.fromFolder(folder);
  }
  const read = async (): Promise<Record<string, unknown>> =>
    JSON.parse(await readFile(join(model, 'tokenizer.json'), 'utf8'));
  const failure = (code: string, text: string) => ({ code, message: expect.stringContaining(text) });
  const ragged: [string, string | null][] = [
    ['one', null],
    ['one two', null],
  ];

  it('takes special tokens and padding from the files', async () => {
    const json = await read();
    const roberta = { type: 'RobertaProcessing', cls: ['[CLS]', 2], sep: ['[SEP]', 3] };
    const changed = await load({ ...json, post_processor: roberta }, { pad_token: { content: '[MASK]' } });
    expect(changed.encode('one', 'two', 8)).toEqual({
      inputIds: [2, 155, 3, 3, 175, 3],
      tokenTypeIds: [0, 0, 0, 0, 0, 0],
    });
    expect([...changed.encodeBatch(ragged, 8).inputIds]).toEqual([2n, 155n, 3n, 4n, 2n, 155n, 175n, 3n]);
  });

  it('needs no tokenizer_config.json where tokenizer.json says how to pad', async () => {
    const json = await read();
    const loaded = await load({ ...json, padding: { pad_id: 1, pad_type_id: 1 } }, null);
    const { inputIds, tokenTypeIds } = loaded.encodeBatch(ragged, 8);
    expect([...inputIds.subarray(0, 4)]).toEqual([2n, 155n, 3n, 1n]);
    expect([...tokenTypeIds.subarray(0, 4)]).toEqual([0n, 0n, 0n, 1n]);
  });

  it('refuses to pad, not to encode, where no padding token is named', async () => {
    const loaded = await load(await read(), null);
    expect(loaded.encode('one', null, 8).inputIds).toEqual([2, 155, 3]);
    expect(loaded.encodeBatch([['one', null]], 8).length).toBe(3);
    expect(() => loaded.encodeBatch(ragged, 8)).toThrow(
      expect.objectContaining(failure('INVALID_ARGUMENT', 'need a padding token')),
    );
  });

  it('refuses a folder without tokenizer.json, and one that is not there', async () => {
    const file = join(folder, 'tokenizer.json');
    await expect(load(null, null)).rejects.toMatchObject(failure('FILE_NOT_FOUND', `${file}: expected a tokenizer`));
    await expect(PairTokenizer.fromFolder(join(folder, 'gone'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    await expect(PairTokenizer.fromFolder(join(model, 'vocab.txt'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it('refuses broken files, naming them', async () => {
    const file = join(folder, 'tokenizer.json');
    await expect(load('{"model": ', null)).rejects.toMatchObject(failure('INVALID_FILE', `${file}: expected JSON`));
    await expect(load('[1]', null)).rejects.toMatchObject(failure('INVALID_FILE', 'expected a JSON object, got [1]'));
    await expect(load({ version: '1.0' }, null)).rejects.toMatchObject(failure('INVALID_FILE', 'cannot be built'));
    await expect(load({ ...(await read()), post_processor: { type: 'Fancy' } }, null)).rejects.toMatchObject(
      failure('INVALID_FILE', `${file}: post_processor`),
    );
  });

  it('refuses padding or truncation on the left, and a padding token that the vocabulary lacks', async () => {
    const json = await read();
    await expect(load(json, { padding_side: 'left' })).rejects.toMatchObject(failure('INVALID_FILE', 'padding_side'));
    await expect(load(json, { truncation_side: 'left' })).rejects.toMatchObject(
      failure('INVALID_FILE', "truncation_side: expected 'right', got 'left'"),
    );
    await expect(load(json, { pad_token: '<pad>' })).rejects.toMatchObject(failure('INVALID_FILE', "'<pad>'"));
  });
});
