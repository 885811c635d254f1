import { F, Tensor, withBackend } from '@octavo/core';
import { type Graph, trace } from '@octavo/graph';
import type { Bench } from '../bench.js';
import { contest } from '../measure/contest.js';
import { checkSameBits } from '../measure/verify.js';
import { compileGraph } from '../models/our-model.js';
import { OnnxGraph } from '../onnx/graph.js';
import { feeds, openModel } from '../ort/session.js';
import type { Row, RowGroup } from '../row.js';

// What a call costs besides its work: ReLU of one number, from JavaScript and back.

const NAMES = {
  eager: 'call overhead, eager op',
  program: 'call overhead, compiled program',
  graph: 'call overhead, graph.run by name',
} as const;

export const CALL_OVERHEAD: RowGroup = {
  names: Object.values(NAMES),
  async *run(bench, wants) {
    for await (const row of measureCalls(bench)) if (wants(row.name)) yield row;
  },
};

async function* measureCalls(bench: Bench): AsyncGenerator<Row> {
  const backend = bench.backend(1);
  const x = Tensor.from([-1]);
  const graph: Graph = trace((input: Tensor) => F.relu(input), { x });
  const program = compileGraph(graph, backend);
  const theirs = await openModel(tinyFile());
  const fed = feeds({ x });
  const calls = {
    eager: () => withBackend(backend, () => F.relu(x)),
    program: () => program.run([x]),
    graph: () => withBackend(backend, () => graph.run({ x }).output as Tensor),
  };
  for (const [name, call] of Object.entries(calls)) checkSameBits(name, call(), Tensor.from([0]));
  const { ort, ...ours } = await contest({ ...calls, ort: () => theirs.run(fed) });
  program.close();
  await theirs.close();
  for (const key of ['eager', 'program', 'graph'] as const) {
    const name = NAMES[key];
    const none = { ortInt8Ms: null, oursMs: null, peakShare: null };
    yield { name, isa: bench.isa, threads: 1, ...none, oursFloatMs: ours[key], ortFloatMs: ort };
  }
}

/** ReLU of `x` float32 [n]. */
function tinyFile(): Uint8Array {
  const graph = new OnnxGraph();
  graph.node('Relu', [graph.input('x', 'float32', ['n'])], {}, 'y');
  graph.output('y', 'float32', ['n']);
  return graph.encode();
}
