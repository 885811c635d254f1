import { join } from 'node:path';
import { OctavoError } from '@octavo/core';
import { listFolder } from './folder.js';
import type { PairExample } from './pair-example.js';
import { readPairsParquet } from './parquet.js';
import { readPairsTsv } from './tsv.js';

/** GLUE's files say `dev` for what the Hugging Face hub calls `validation`. */
const OTHER_NAME: Readonly<Record<string, string>> = { dev: 'validation', validation: 'dev' };

/**
 * Loads one split of a sentence-pair task from a folder. Looks, in this order, for `<split>.tsv` (GLUE's download),
 * `<split>.parquet`, and the hub's `<split>-00000-of-00001.parquet`, which may be several shards; then the same with
 * the split's other name (`dev` and `validation` are one). The first that exists is read, the rest ignored.
 *
 * @param dataDir folder that directly holds the files
 * @param split 'train', 'dev', ...
 * @returns the examples in the order of the file, at least one
 * @throws OctavoError FILE_NOT_FOUND when folder or file is absent (the message lists what was looked for and what the
 *   folder holds), INVALID_ARGUMENT when `dataDir` is no folder or `split` no file name, INVALID_FILE when shards are
 *   missing or there is no example, and what the readers of the files throw.
 */
export async function loadPairs(dataDir: string, split: string): Promise<PairExample[]> {
  if (!/^[\w.-]+$/.test(split)) {
    throw new OctavoError('INVALID_ARGUMENT', `split: expected a name such as 'dev' or 'train', got '${split}'`, {
      details: { split },
    });
  }
  const held = await listFolder('data folder', dataDir);
  const names = OTHER_NAME[split] === undefined ? [split] : [split, OTHER_NAME[split]];
  for (const name of names) {
    if (held.includes(`${name}.tsv`)) return readAll(dataDir, [`${name}.tsv`]);
    if (held.includes(`${name}.parquet`)) return readAll(dataDir, [`${name}.parquet`]);
    const shards = findShards(dataDir, held, name);
    if (shards.length > 0) return readAll(dataDir, shards);
  }
  throw new OctavoError('FILE_NOT_FOUND', notFoundMessage(dataDir, split, names, held), {
    details: { dataDir, split, held },
  });
}

async function readAll(dataDir: string, names: string[]): Promise<PairExample[]> {
  const examples: PairExample[] = [];
  for (const name of names) {
    const file = join(dataDir, name);
    examples.push(...(await (name.endsWith('.tsv') ? readPairsTsv(file) : readPairsParquet(file))));
  }
  if (examples.length === 0) {
    const file = join(dataDir, names[0] as string);
    throw new OctavoError('INVALID_FILE', `${file}: expected at least one pair of sentences, got none`, {
      details: { file },
    });
  }
  return examples;
}

/** The hub's shards of a split, `<name>-<index>-of-<count>.parquet` (some have a hash before the dot), in order. */
function findShards(dataDir: string, held: readonly string[], name: string): string[] {
  const shards: string[] = [];
  let count = 0;
  for (const file of held) {
    const match = /^(.+)-(\d{5})-of-(\d{5})(-[0-9a-f]+)?\.parquet$/.exec(file);
    if (match?.[1] !== name || Number(match[2]) >= Number(match[3])) continue;
    shards[Number(match[2])] = file;
    count = Math.max(count, Number(match[3]));
  }
  for (let index = 0; index < count; index++) {
    if (shards[index] !== undefined) continue;
    const number = (value: number) => String(value).padStart(5, '0');
    throw new OctavoError(
      'INVALID_FILE',
      `${dataDir}: expected all ${count} shards of '${name}', got none named ${name}-${number(index)}-of-${number(count)}.parquet; download it too`,
      { details: { dataDir, split: name, shard: index, count } },
    );
  }
  return shards;
}

function notFoundMessage(dataDir: string, split: string, names: string[], held: readonly string[]): string {
  const wanted = names.flatMap((name) => [`${name}.tsv`, `${name}.parquet`, `${name}-*-of-*.parquet`]).join(', ');
  const shown = held.slice(0, 20).join(', ');
  const more = held.length > 20 ? ` and ${held.length - 20} more` : '';
  const holds = held.length === 0 ? 'nothing' : `${shown}${more}`;
  return `data folder ${dataDir}: expected a file of the split '${split}' (one of ${wanted}); the folder holds ${holds}; give another folder or split`;
}
