import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { referenceBackend, Tensor, withBackend } from '@octavo/core';
import { getDefaultQConfig, perRowDynamicQConfig } from '@octavo/observers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  calibrate,
  convert,
  convertDynamic,
  coverage,
  type Graph,
  importOnnx,
  loadGraph,
  prepare,
  prepareDynamic,
  saveGraph,
  toDot,
  toHtml,
} from '../src/index.js';
import { modelBytes, type NodeInput, tensorProto } from './onnx/build-model.js';

// Large graphs, in the form of each that asks most of something: whatever takes the square of their size, or a call a
// node deep, does not come through here in time. `npm run test:long` has them of 100,000 nodes.

const SIZE = process.env.OCTAVO_TEST_LONG ? 100_000 : 5_000;
const TIMEOUT = 600_000;
const numbers = Array.from({ length: SIZE }, (_, i) => i);
const row = (...values: number[]): Tensor => new Tensor(Float32Array.from(values), [1, values.length]);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'octavo-scale-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Everything that can be done with a graph besides running it; gives the graph that was saved and loaded. */
async function handled(graph: Graph): Promise<Graph> {
  expect(graph.print().length).toBeGreaterThan(SIZE);
  expect(toDot(graph).length + toHtml(graph).length).toBeGreaterThan(SIZE);
  expect(coverage(graph).rows.length).toBeGreaterThanOrEqual(0);
  const path = join(folder, 'graph.octavo');
  await saveGraph(graph, path);
  return loadGraph(path);
}

function run(graph: Graph, feeds: Record<string, Tensor>): (number | bigint)[] {
  return withBackend(referenceBackend, () => [...(Object.values(graph.run(feeds))[0] as Tensor).data]);
}

it(
  `a chain of ${SIZE} nodes, one deep in the next`,
  async () => {
    const nodes = numbers.map(
      (i): NodeInput => ({ op: i % 2 === 0 ? 'Neg' : 'Abs', in: [`v${i}`], out: [`v${i + 1}`] }),
    );
    const graph = await importOnnx(modelBytes({ inputs: { v0: ['n', 2] }, nodes, outputs: [`v${SIZE}`] }));
    expect(run(await handled(graph), { v0: row(-3, 4) })).toEqual([3, 4]);
  },
  TIMEOUT,
);

it(
  `${SIZE} results that one node reads, and as many outputs`,
  async () => {
    const nodes = numbers.map((i): NodeInput => ({ op: 'Neg', in: ['x'], out: [`v${i}`] }));
    const all = numbers.map((i) => `v${i}`);
    const graph = await importOnnx(
      modelBytes({
        inputs: { x: ['n', 1] },
        nodes: [...nodes, { op: 'Concat', in: all, out: ['y'], attrs: { axis: 1 } }],
        outputs: ['y', ...all],
      }),
    );
    const y = run(await handled(graph), { x: row(2) });
    expect(y).toHaveLength(SIZE);
    expect(new Set(y)).toEqual(new Set([-2]));
  },
  TIMEOUT,
);

it(
  `${SIZE} inputs`,
  async () => {
    const inputs = Object.fromEntries(numbers.map((i) => [`x${i}`, ['n', 1]]));
    const cat: NodeInput = { op: 'Concat', in: Object.keys(inputs), out: ['y'], attrs: { axis: 1 } };
    const graph = await importOnnx(modelBytes({ inputs, nodes: [cat], outputs: ['y'] }));
    const feeds = Object.fromEntries(numbers.map((i) => [`x${i}`, row(i)]));
    expect(run(await handled(graph), feeds)).toEqual(numbers);
  },
  TIMEOUT,
);

it(
  `${SIZE / 10} linears with biases, relus and sums: prepared, converted, dynamic and static`,
  async () => {
    const layers = numbers.slice(0, SIZE / 10);
    const graph = await importOnnx(
      modelBytes({
        inputs: { s0: ['n', 4] },
        initializers: layers.flatMap((i) => [
          tensorProto(
            `layers.${i}.weight`,
            [4, 4],
            [...Array(16).keys()].map((k) => 0.01 * Math.sin(i + k)),
          ),
          tensorProto(`layers.${i}.bias`, [4], [0, 0.001, 0, -0.001]),
        ]),
        nodes: layers.flatMap((i): NodeInput[] => [
          { op: 'MatMul', name: `/layers.${i}/MatMul`, in: [`s${i}`, `layers.${i}.weight`], out: [`m${i}`] },
          { op: 'Add', name: `/layers.${i}/Add`, in: [`m${i}`, `layers.${i}.bias`], out: [`a${i}`] },
          { op: 'Relu', name: `/layers.${i}/Relu`, in: [`a${i}`], out: [`r${i}`] },
          { op: 'Add', name: `/layers.${i}/Sum`, in: [`r${i}`, `s${i}`], out: [`s${i + 1}`] },
        ]),
        outputs: [`s${layers.length}`],
      }),
    );
    const feeds = { s0: row(0.1, -0.2, 0.3, -0.4) };
    const float = run(graph, feeds);
    const dynamic = convertDynamic(prepareDynamic(graph, { '': perRowDynamicQConfig }));
    expect(run(await handled(dynamic), feeds).every((x) => Number.isFinite(Number(x)))).toBe(true);
    const prepared = prepare(graph, { '': getDefaultQConfig('fbgemm') });
    expect(run(prepared, feeds)).toEqual(float);
    await calibrate(prepared, [feeds]);
    expect(coverage(convert(prepared)).int8Share).toBe(1);
  },
  TIMEOUT,
);
