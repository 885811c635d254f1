import type { FileHandle } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { readInto } from '../../src/node/read-into.js';

const SIZE = 20_000_000;
const source = Uint8Array.from({ length: SIZE }, (_, i) => (i * 2654435761) >>> 24);

/** A file of `bytes` bytes, whose calls give at most `most` bytes each. */
function fileOf(bytes: number, most: number): FileHandle {
  const readv = async (places: readonly Uint8Array[], from: number) => {
    let bytesRead = 0;
    for (const place of places) {
      const count = Math.min(place.length, most - bytesRead, bytes - from - bytesRead);
      if (count <= 0) break;
      place.set(source.subarray(from + bytesRead, from + bytesRead + count));
      bytesRead += count;
    }
    return { bytesRead, buffers: places };
  };
  return { readv } as unknown as FileHandle;
}

const placesOf = (sizes: readonly number[]): Uint8Array[] => sizes.map((size) => new Uint8Array(size));
const sum = (sizes: readonly number[]): number => sizes.reduce((a, b) => a + b, 0);

describe('readInto', () => {
  it.each<[string, number[], number]>([
    ['one large place', [15_000_000], SIZE],
    ['small places, more than a call takes', Array.from({ length: 3000 }, (_, i) => i % 5), SIZE],
    ['places across the ends of pieces', [1, 4_194_303, 0, 4_194_305, 3], SIZE],
    ['calls that give less than they were asked for', [100_000, 5, 6, 4_300_000], 70_001],
  ])('fills and tells in order: %s', async (_, sizes, most) => {
    const from = 77;
    const places = placesOf(sizes);
    const heard: Uint8Array[] = [];
    await readInto(fileOf(SIZE, most), from, places, 'x', (bytes) => heard.push(bytes));
    const expected = Buffer.from(source.subarray(from, from + sum(sizes)));
    expect(Buffer.concat(places).equals(expected)).toBe(true);
    expect(Buffer.concat(heard).equals(expected)).toBe(true);
  });

  it('refuses a file that became shorter, and tells nothing that was not read', async () => {
    const heard: number[] = [];
    const reading = readInto(fileOf(9_000_000, SIZE), 0, placesOf([15_000_000]), 'x', ({ length }) =>
      heard.push(length),
    );
    await expect(reading).rejects.toMatchObject({
      code: 'INVALID_FILE',
      message: expect.stringContaining('x: the file became shorter while it was read'),
    });
    expect(sum(heard)).toBeLessThanOrEqual(9_000_000);
  });
});
