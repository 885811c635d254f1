import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { quantizeDynamic, saveGraph } from '@octavo/graph';
import { perRowDynamicQConfig } from '@octavo/observers';
import type { Bench } from '../bench.js';
import { bertBase, traceBert } from '../models/bert.js';
import { writeBert } from '../onnx/bert.js';
import type { Row, RowGroup } from '../row.js';

// What a process pays that opens a file and runs it once: BERT-base, one sentence of 128 tokens, each in a process of its own.

const NAME = 'BERT-base 1x128, file to first result';
const LENGTH = 128;
// The bundles lie side by side in bench/dist.
const CHILD = resolve(import.meta.dirname, 'first-run/child.js');

interface FirstRun {
  readonly firstMs: number;
  readonly peakMb: number;
}

export const FIRST_RUN: RowGroup = {
  names: [NAME],
  async *run(bench) {
    const folder = await mkdtemp(join(tmpdir(), 'octavo-bench-'));
    try {
      yield await measure(bench, folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

async function measure(bench: Bench, folder: string): Promise<Row> {
  const files = await writeFiles(folder);
  const [ours, oursFloat] = [await firstRun('graph', files.int8), await firstRun('graph', files.float)];
  const [ort, ortFloat] = [await firstRun('onnx', files.onnxInt8), await firstRun('onnx', files.onnxFloat)];
  return {
    name: NAME,
    isa: bench.isa,
    threads: 1,
    oursMs: ours.firstMs,
    oursFloatMs: oursFloat.firstMs,
    ortInt8Ms: ort.firstMs,
    ortFloatMs: ortFloat.firstMs,
    peakShare: null,
    peakMb: { ours: ours.peakMb, oursFloat: oursFloat.peakMb, ortInt8: ort.peakMb, ortFloat: ortFloat.peakMb },
  };
}

async function writeFiles(folder: string): Promise<Record<'int8' | 'float' | 'onnxInt8' | 'onnxFloat', string>> {
  const at = (name: string): string => join(folder, name);
  const files = {
    int8: at('int8.octavo'),
    float: at('float.octavo'),
    onnxInt8: at('int8.onnx'),
    onnxFloat: at('float.onnx'),
  };
  const bert = await bertBase();
  const float = traceBert(bert);
  await saveGraph(float, files.float);
  await saveGraph(quantizeDynamic(float, { '': perRowDynamicQConfig }), files.int8);
  const state = bert.model.stateDict();
  await writeFile(files.onnxInt8, writeBert('int8', state, bert.config));
  await writeFile(files.onnxFloat, writeBert('float', state, bert.config));
  return files;
}

async function firstRun(kind: 'graph' | 'onnx', file: string): Promise<FirstRun> {
  const { stdout } = await promisify(execFile)(process.execPath, [CHILD, kind, file, String(LENGTH)]);
  return JSON.parse(stdout) as FirstRun;
}
