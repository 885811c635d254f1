import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { activeBackend, isPackedParams, manualSeed, nn, Tensor } from '@octavo/core';
import { type Graph, loadGraph, quantizeDynamic, saveGraph, trace } from '@octavo/graph';
import '@octavo/kernels-native';
import { perRowDynamicQConfig } from '@octavo/observers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'octavo-tests-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** More than 16 MB, from where on a backend makes the memory of a file's tensors. */
const ROWS = 66_000;
const feeds = { input: Tensor.from([[5, 65_999, 0]], { dtype: 'int64' }) };
manualSeed(7);
const float = trace(
  new nn.Sequential(new nn.Embedding(ROWS, 64), new nn.Linear(64, 320), new nn.Linear(320, 64)).eval(),
  feeds,
);

function bits({ type, dims, data }: Tensor): string {
  return `${type} ${dims} ${createHash('sha256')
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex')}`;
}

function weightsOf(graph: Graph): Tensor[] {
  return [...graph.parameters.values()].map((operand) => (isPackedParams(operand) ? operand.weight.values : operand));
}

describe.each<[string, Graph]>([
  ['float', float],
  ['int8', quantizeDynamic(float, { '': perRowDynamicQConfig })],
])('the weights of a loaded %s graph', (name, graph) => {
  const load = async (): Promise<Graph> => {
    await saveGraph(graph, join(folder, name));
    return loadGraph(join(folder, name));
  };
  const outputOf = (each: Graph): string => bits(Object.values(each.run(feeds))[0] as Tensor);
  const expected = outputOf(graph);

  it('are saved as they were after it ran, and read as they were', async () => {
    const loaded = await load();
    expect(outputOf(loaded)).toBe(expected);
    await saveGraph(loaded, join(folder, `${name} again`));
    const [before, after] = await Promise.all([name, `${name} again`].map((file) => readFile(join(folder, file))));
    expect(after?.equals(before as Buffer)).toBe(true);
    expect(weightsOf(loaded).map(bits)).toEqual(weightsOf(graph).map(bits));
    expect(outputOf(loaded)).toBe(expected);
  });

  it('may be written to before it first runs; after that it runs as compiled', async () => {
    const zeroed = await load();
    for (const tensor of weightsOf(zeroed)) tensor.data.fill(0 as never);
    expect(activeBackend().name).toBe('native');
    expect(outputOf(zeroed)).not.toBe(expected);
    const loaded = await load();
    outputOf(loaded);
    for (const tensor of weightsOf(loaded)) tensor.data.fill(0 as never);
    expect(outputOf(loaded)).toBe(expected);
  });
});
