// The promise of docs/numerics.md, on the model in the repository: the same bits on every backend, in eager and graph
// mode, on one thread and two, whatever else is in the batch and however far it is padded.
import { type Backend, type nn, referenceBackend, Tensor, withBackend } from '@octavo/core';
import { quantizeDynamic as quantizeEager } from '@octavo/eager';
import { loadPretrained, PairTokenizer } from '@octavo/glue-eval';
import { type Graph, quantizeDynamic as quantizeGraph, trace } from '@octavo/graph';
import { createNativeBackend, supportedIsas } from '@octavo/kernels-native';
import { perChannelDynamicQConfig, perRowDynamicQConfig } from '@octavo/observers';
import { beforeAll, describe, expect, it } from 'vitest';
import { root } from './workspace.js';

const MODEL = `${root}/models/mrpc-small`;
const SHORT: [string, string] = ['Rain fell.', 'It rained.'];
const LONG: [string, string] = [
  'The mayor of Norwick said on Monday that the new bridge would open to traffic before the end of the year.',
  'Traffic will cross the new Norwick bridge this year, the mayor announced at the start of the week.',
];

type Inputs = { input_ids: Tensor; attention_mask: Tensor; token_type_ids: Tensor };

let model: nn.Module;
let tokenizer: PairTokenizer;

beforeAll(async () => {
  model = await loadPretrained(MODEL);
  tokenizer = await PairTokenizer.fromFolder(MODEL);
});

function encode(...pairs: [string, string][]): Inputs {
  const { inputIds, attentionMask, tokenTypeIds, batch, length } = tokenizer.encodeBatch(pairs, 128);
  const dims = [batch, length];
  return {
    input_ids: new Tensor('int64', inputIds, dims),
    attention_mask: new Tensor('int64', attentionMask, dims),
    token_type_ids: new Tensor('int64', tokenTypeIds, dims),
  };
}

/** The same sentences with `extra` padding tokens behind each. */
function padded(inputs: Inputs, extra: number): Inputs {
  const pad = (tensor: Tensor): Tensor => {
    const [batch, length] = tensor.dims as [number, number];
    const data = new BigInt64Array(batch * (length + extra));
    for (let row = 0; row < batch; row++) {
      data.set((tensor.data as BigInt64Array).subarray(row * length, (row + 1) * length), row * (length + extra));
    }
    return new Tensor('int64', data, [batch, length + extra]);
  };
  return {
    input_ids: pad(inputs.input_ids),
    attention_mask: pad(inputs.attention_mask),
    token_type_ids: pad(inputs.token_type_ids),
  };
}

const bits = (logits: Tensor): string => Buffer.from((logits.data as Float32Array).slice().buffer).toString('hex');
/** Hexadecimal digits of one example's two logits. */
const PER_EXAMPLE = 16;

function runGraph(graph: Graph, backend: Backend, inputs: Inputs): string {
  return withBackend(backend, () => bits(Object.values(graph.run({ ...inputs }))[0] as Tensor));
}

function runEager(module: nn.Module, backend: Backend, inputs: Inputs): string {
  return withBackend(backend, () =>
    bits(module.call(inputs.input_ids, inputs.attention_mask, inputs.token_type_ids) as Tensor),
  );
}

const natives = supportedIsas().flatMap((isa) => [1, 2].map((threads) => createNativeBackend({ isa, threads })));
const best = natives.at(-1) as Backend;

describe.each([
  ['float', null],
  ['perRow', perRowDynamicQConfig],
  ['perChannel', perChannelDynamicQConfig],
] as const)('%s logits of mrpc-small', (_, qconfig) => {
  const build = (): { eager: nn.Module; graph: Graph } => {
    const traced = withBackend(best, () => trace(model, { ...encode(SHORT) }));
    if (qconfig === null) return { eager: model, graph: traced };
    return { eager: quantizeEager(model, { '': qconfig }), graph: quantizeGraph(traced, { '': qconfig }) };
  };

  it('are the same on the reference and on every native backend, eager and graph', () => {
    const { eager, graph } = build();
    const inputs = encode(SHORT);
    const expected = runGraph(graph, referenceBackend, inputs);
    for (const backend of natives) {
      const name = `${backend.isa}, ${backend.threads} threads`;
      expect(runGraph(graph, backend, inputs), `graph on ${name}`).toBe(expected);
      expect(runEager(eager, backend, inputs), `eager on ${name}`).toBe(expected);
    }
  });

  // PyTorch's scheme takes one range a batch: it cannot promise this.
  if (qconfig === perChannelDynamicQConfig) return;
  it('do not depend on batch mates or padding', () => {
    const { eager, graph } = build();
    const alone = runGraph(graph, best, encode(SHORT));
    const together = encode(LONG, SHORT, LONG);
    for (const inputs of [together, padded(together, 9), padded(together, 33)]) {
      expect(runGraph(graph, best, inputs).slice(PER_EXAMPLE, 2 * PER_EXAMPLE)).toBe(alone);
      expect(runEager(eager, best, inputs).slice(PER_EXAMPLE, 2 * PER_EXAMPLE)).toBe(alone);
    }
    expect(runGraph(graph, best, padded(encode(SHORT), 100))).toBe(alone);
  });
});
