import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tensor } from '@octavo/core';
import { test } from 'vitest';

/** A stored case of PyTorch's answers; the format is described in the folder's README. */
export interface GoldenCase {
  readonly name: string;
  readonly op: string;
  readonly params: Readonly<Record<string, number | string | boolean>>;
  readonly inputs: Readonly<Record<string, string | number>>;
  readonly outputs: Readonly<Record<string, string | number>>;
  readonly exact: boolean;
  readonly tolerance?: number;
  readonly calculate_qparams_raises?: string;
  readonly attributes?: Readonly<Record<string, unknown>>;
}

export interface GoldenGroup {
  readonly cases: readonly GoldenCase[];
  /** A tensor by its key in the safetensors file. */
  tensor(key: string | number | undefined): Tensor;
}

/** The folder `golden` beside the repository, or undefined where it is absent. */
export function goldenFolder(): string | undefined {
  const folder = join(repositoryRoot(), '..', 'shared', 'golden');
  return existsSync(join(folder, 'README.md')) ? folder : undefined;
}

/** The cases and tensors of one group. */
export function goldenGroup(name: string): GoldenGroup {
  const folder = goldenFolder();
  if (folder === undefined) throw new Error('../shared/golden is absent');
  const cases = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as GoldenCase[];
  const tensors = readTensors(join(folder, `${name}.safetensors`));
  return {
    cases,
    tensor(key) {
      const found = tensors.get(String(key));
      if (found === undefined) throw new Error(`${name}.safetensors has no tensor '${key}'`);
      return found;
    },
  };
}

/** A test over stored cases; skipped, and named so, where they are absent. */
export function goldenTest(title: string, group: string, body: (group: GoldenGroup) => void): void {
  if (goldenFolder() === undefined) test.skip(`${title} (skipped: ../shared/golden is absent)`);
  else test(title, { timeout: 120_000 }, () => body(goldenGroup(group)));
}

function repositoryRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'pnpm-workspace.yaml'))) folder = dirname(folder);
  return folder;
}

const ARRAYS = {
  F32: ['float32', Float32Array],
  U8: ['uint8', Uint8Array],
  I8: ['int8', Int8Array],
  I32: ['int32', Int32Array],
  I64: ['int64', BigInt64Array],
} as const;

/** A reader of its own, so that the test of observers does not hang on core's file formats. */
function readTensors(file: string): Map<string, Tensor> {
  const bytes = readFileSync(file);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { dtype: keyof typeof ARRAYS; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, Tensor>();
  for (const [key, entry] of Object.entries(header)) {
    if (key === '__metadata__') continue;
    const [dtype, array] = ARRAYS[entry.dtype];
    const [from, to] = entry.data_offsets;
    const copy = bytes.buffer.slice(bytes.byteOffset + start + from, bytes.byteOffset + start + to) as ArrayBuffer;
    tensors.set(key, new Tensor(dtype, new array(copy) as never, entry.shape));
  }
  return tensors;
}
