import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '../../src/io/safetensors.js';
import {
  quantizedFileSize,
  readQuantizedFile,
  readSafetensors,
  widenFloat16,
  writeQuantizedFile,
  writeSafetensors,
} from '../../src/node/index.js';
import { Tensor } from '../../src/tensor/tensor.js';
import { randomTensor } from '../random-tensor.js';

const folder = mkdtempSync(join(tmpdir(), 'octavo-core-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = (name: string): string => join(folder, name);
const fails = (code: string, text: string): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(text) });

const tensors = {
  'layer.weight': randomTensor([3, 5], 1),
  ids: Tensor.from([1, 2], { dtype: 'int64' }),
  codes: Tensor.from([-1], { dtype: 'int8' }),
};

describe('readSafetensors and writeSafetensors', () => {
  it('write what other readers decode, and read it back into memory of its own', async () => {
    const size = await writeSafetensors(path('a.safetensors'), tensors, { note: 'ä' });
    const bytes = readFileSync(path('a.safetensors'));
    expect(bytes.length).toBe(size);
    expect(new Uint8Array(bytes)).toEqual(encodeSafetensors(tensors, { note: 'ä' }));
    const back = await readSafetensors(path('a.safetensors'));
    expect(back.metadata).toEqual({ note: 'ä' });
    for (const [name, tensor] of Object.entries(tensors)) {
      expect(back.tensors[name]?.raw).toEqual(tensor.raw);
      expect(back.tensors[name]?.raw.data.buffer.byteLength).toBe(tensor.raw.data.byteLength);
    }
  });

  it('read more tensors than one call fills, and one that takes several', async () => {
    const many = Array.from({ length: 2500 }, (_, i): [string, Tensor] => [`${i}`, Tensor.from([i, -i])]);
    const large = new Tensor(
      'int32',
      Int32Array.from({ length: 2_400_001 }, (_, i) => i ^ (i << 7)),
    );
    await writeSafetensors(path('many.safetensors'), { ...Object.fromEntries(many), large });
    const back = (await readSafetensors(path('many.safetensors'))).tensors;
    expect(Buffer.compare(Buffer.from(back.large?.data.buffer as ArrayBuffer), Buffer.from(large.data.buffer))).toBe(0);
    expect(many.every(([name, { data }]) => back[name]?.data.join() === data.join())).toBe(true);
    expect(new Set(Object.values(back).map(({ data }) => data.buffer)).size).toBe(2501);
  });

  it('write views of larger buffers, and empty files', async () => {
    const view = new Tensor('float32', new Float32Array(10).fill(7).subarray(2, 5));
    await writeSafetensors(path('view.safetensors'), { view });
    expect((await readSafetensors(path('view.safetensors'))).tensors.view?.toArray()).toEqual([7, 7, 7]);
    await writeSafetensors(path('empty.safetensors'), {});
    expect(await readSafetensors(path('empty.safetensors'))).toEqual({ tensors: {}, metadata: {} });
  });

  it('replace a file in one step and leave no temporary one behind', async () => {
    await writeSafetensors(path('b.safetensors'), tensors);
    await writeSafetensors(path('b.safetensors'), { other: Tensor.from([1]) });
    expect(Object.keys((await readSafetensors(path('b.safetensors'))).tensors)).toEqual(['other']);
    await expect(writeSafetensors(path('missing/b.safetensors'), tensors)).rejects.toThrow(
      fails('FILE_NOT_FOUND', 'its folder does not exist; create it first') as Error,
    );
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('say which file is missing, a folder, truncated or of another kind', async () => {
    await expect(readSafetensors(path('none'))).rejects.toThrow(
      fails('FILE_NOT_FOUND', `${path('none')}: there is no such file; check the path`) as Error,
    );
    await expect(readSafetensors(folder)).rejects.toThrow(
      fails('INVALID_FILE', 'expected a file, got a folder') as Error,
    );
    await writeSafetensors(path('cut.safetensors'), tensors);
    truncateSync(path('cut.safetensors'), readFileSync(path('cut.safetensors')).length - 1);
    await expect(readSafetensors(path('cut.safetensors'))).rejects.toThrow(
      fails('INVALID_FILE', `${path('cut.safetensors')}: the file is truncated`) as Error,
    );
    writeFileSync(path('short'), 'abc');
    await expect(readSafetensors(path('short'))).rejects.toThrow(fails('INVALID_FILE', 'got 3 bytes') as Error);
    writeFileSync(path('text.json'), '{"json": "text, no tensors at all"}');
    await expect(readSafetensors(path('text.json'))).rejects.toThrow(
      fails('INVALID_FILE', 'of another format or damaged') as Error,
    );
  });
});

describe('quantized files', () => {
  const content = { tensors, metadata: { graph: '{"nodes":[]}', kind: 'test' } };

  it('come back with their metadata, and any safetensors reader lists them', async () => {
    const size = await writeQuantizedFile(path('q.safetensors'), content);
    expect([size, quantizedFileSize(content)]).toEqual([readFileSync(path('q.safetensors')).length, size]);
    const back = await readQuantizedFile(path('q.safetensors'));
    expect([back.format, back.metadata]).toEqual([{ major: 1, minor: 0 }, content.metadata]);
    expect(back.tensors['layer.weight']?.raw).toEqual(tensors['layer.weight'].raw);
    const plain = decodeSafetensors(readFileSync(path('q.safetensors')));
    expect(Object.keys(plain.metadata).sort()).toEqual(['checksum', 'format', 'graph', 'kind']);
  });

  it('are the same bytes for the same content', async () => {
    await writeQuantizedFile(path('q1'), content);
    await writeQuantizedFile(path('q2'), content);
    expect(readFileSync(path('q1'))).toEqual(readFileSync(path('q2')));
  });

  it('are refused when a bit of data or of the header changed', async () => {
    await writeQuantizedFile(path('good'), content);
    const good = readFileSync(path('good'));
    const data = 8 + Number(good.readBigUInt64LE(0));
    for (const at of [
      data,
      good.length - 1,
      good.indexOf('nodes'),
      good.indexOf('"kind":"test"') + 9,
      good.indexOf('layer.weight'),
    ]) {
      const bad = Buffer.from(good);
      bad[at]! ^= 1;
      writeFileSync(path('bad'), bad);
      await expect(readQuantizedFile(path('bad'))).rejects.toThrow(
        fails('INVALID_FILE', 'the checksum does not match: the file was altered or damaged') as Error,
      );
    }
    const large = new Tensor('uint8', new Uint8Array(9_000_000));
    await writeQuantizedFile(path('large'), { tensors: { large }, metadata: {} });
    const flipped = readFileSync(path('large'));
    flipped[flipped.length - 4_000_000]! ^= 0x10;
    writeFileSync(path('bad'), flipped);
    await expect(readQuantizedFile(path('bad'))).rejects.toThrow('the checksum does not match');
    writeFileSync(path('bad'), good.subarray(0, good.length - 5));
    await expect(readQuantizedFile(path('bad'))).rejects.toThrow(
      fails('INVALID_FILE', 'the file is truncated') as Error,
    );
  });

  it('of a later major version are refused by number, of a later minor one read', async () => {
    const later = (major: number): Promise<number> =>
      writeSafetensors(
        path('later'),
        {},
        { format: JSON.stringify({ major, minor: 3 }), checksum: `sha256:${'0'.repeat(64)}` },
      );
    await later(2);
    await expect(readQuantizedFile(path('later'))).rejects.toThrow(
      fails('INVALID_FILE', 'the file has format 2.3, this version reads 1.x; update @octavo/core') as Error,
    );
    await later(1);
    await expect(readQuantizedFile(path('later'))).rejects.toThrow(
      fails('INVALID_FILE', 'the checksum does not match') as Error,
    );
  });

  it('that are none are refused', async () => {
    for (const metadata of [
      {},
      { format: 'pt' },
      { format: '{"major":1,"minor":0}' },
      { format: '{"major":"1"}', checksum: 'x' },
    ] as Record<string, string>[]) {
      await writeSafetensors(path('plain'), tensors, metadata);
      await expect(readQuantizedFile(path('plain'))).rejects.toThrow(
        fails('INVALID_FILE', 'holds no quantized model') as Error,
      );
    }
    await expect(writeQuantizedFile(path('x'), { tensors, metadata: { format: 'mine' } })).rejects.toThrow(
      "metadata may not hold 'format'",
    );
  });
});

it('widenFloat16 turns float16 into float32 and leaves the rest', () => {
  const half = new Tensor('float16', Uint16Array.of(0x3c00, 0xc000), [2]);
  expect(widenFloat16(half).toArray()).toEqual([1, -2]);
  const state = widenFloat16({ half, ...tensors });
  expect([state.half?.type, state.ids === tensors.ids]).toEqual(['float32', true]);
});
