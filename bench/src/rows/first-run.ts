import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { median } from '@octavo/glue-eval';
import { quantizeDynamic, saveGraph } from '@octavo/graph';
import { perRowDynamicQConfig } from '@octavo/observers';
import type { Bench } from '../bench.js';
import type { FirstRun } from '../first-run/child.js';
import { bertBase, traceBert } from '../models/bert.js';
import { writeBert } from '../onnx/bert.js';
import type { Row, RowGroup } from '../row.js';

// What a process pays that opens a file and runs it once: BERT-base, one sentence of 128 tokens. Medians of fresh
// processes, which take turns.

const NAMES = {
  firstMs: 'BERT-base 1x128, file to first result',
  processMs: 'BERT-base 1x128, process start to first result',
  cpuMs: 'BERT-base 1x128, CPU time of a process to its first result',
} as const;
const ROWS = Object.entries(NAMES) as [keyof typeof NAMES, string][];
const TURNS = 5;
const LENGTH = 128;
// The bundles lie side by side in bench/dist.
const CHILD = resolve(import.meta.dirname, 'first-run/child.js');

const CONTENDERS = ['ours', 'oursFloat', 'ortInt8', 'ortFloat'] as const;
type Contender = (typeof CONTENDERS)[number];
type Files = Readonly<Record<Contender, string>>;
type Runs = Readonly<Record<Contender, FirstRun[]>>;

export const FIRST_RUN: RowGroup = {
  names: Object.values(NAMES),
  async *run(bench, wants) {
    const folder = await mkdtemp(join(tmpdir(), 'octavo-bench-'));
    try {
      const runs = await firstRuns(await writeFiles(folder));
      for (const [measure, name] of ROWS) if (wants(name)) yield row(bench, name, measure, runs);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

function row(bench: Bench, name: string, measure: keyof typeof NAMES, runs: Runs): Row {
  const medians = (of: keyof FirstRun) =>
    Object.fromEntries(CONTENDERS.map((each) => [each, median(runs[each].map((run) => run[of]))])) as Record<
      Contender,
      number
    >;
  const { ours, oursFloat, ortInt8, ortFloat } = medians(measure);
  return {
    name,
    isa: bench.isa,
    threads: 1,
    oursMs: ours,
    oursFloatMs: oursFloat,
    ortInt8Ms: ortInt8,
    ortFloatMs: ortFloat,
    peakShare: null,
    ...(measure === 'firstMs' && { peakMb: medians('peakMb') }),
  };
}

async function firstRuns(files: Files): Promise<Runs> {
  const runs: Runs = { ours: [], oursFloat: [], ortInt8: [], ortFloat: [] };
  for (let turn = 0; turn < TURNS; turn++) {
    for (const each of CONTENDERS) {
      const kind = each.startsWith('ort') ? 'onnx' : 'graph';
      const { stdout } = await promisify(execFile)(process.execPath, [CHILD, kind, files[each], String(LENGTH)]);
      runs[each].push(JSON.parse(stdout));
    }
  }
  return runs;
}

async function writeFiles(folder: string): Promise<Files> {
  const at = (name: string): string => join(folder, name);
  const files: Files = {
    ours: at('int8.octavo'),
    oursFloat: at('float.octavo'),
    ortInt8: at('int8.onnx'),
    ortFloat: at('float.onnx'),
  };
  const bert = await bertBase();
  const float = traceBert(bert);
  await saveGraph(float, files.oursFloat);
  await saveGraph(quantizeDynamic(float, { '': perRowDynamicQConfig }), files.ours);
  const state = bert.model.stateDict();
  await writeFile(files.ortInt8, writeBert('int8', state, bert.config));
  await writeFile(files.ortFloat, writeBert('float', state, bert.config));
  return files;
}
