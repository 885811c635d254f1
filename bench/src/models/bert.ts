import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Generator, type nn, Tensor } from '@octavo/core';
import { type BertConfig, BertForSequenceClassification, loadPretrained, readBertConfig } from '@octavo/glue-eval';
import { type Graph, trace } from '@octavo/graph';

const SEED = 20260801;
// The bundle lies in bench/dist.
const MRPC_SMALL = resolve(import.meta.dirname, '../../models/mrpc-small');

/** A BERT classifier in float. */
export interface Bert {
  readonly config: BertConfig;
  readonly model: nn.Module;
}

/** The trained model of this repository: 6 layers of width 384. */
export async function mrpcSmall(): Promise<Bert> {
  const file = join(MRPC_SMALL, 'config.json');
  const config = readBertConfig(JSON.parse(await readFile(file, 'utf8')), file);
  return { config, model: await loadPretrained(MRPC_SMALL) };
}

/**
 * BERT-base by its sizes, with the weights that its training begins with: 12 layers of width 768, 110 million weights, normal
 * with deviation 0.02 (`initializer_range` of its config), where PyTorch's linears begin evenly distributed.
 */
export async function bertBase(): Promise<Bert> {
  const config = readBertConfig({}, 'BERT-base');
  const model = new BertForSequenceClassification(config).eval();
  const generator = new Generator(SEED);
  const state: nn.StateDict = {};
  for (const [name, { raw }] of Object.entries(model.stateDict())) {
    const tensor = Tensor.zeros(raw.dims);
    const { data } = tensor.raw;
    const constant = name.endsWith('LayerNorm.weight') ? 1 : 0;
    for (let i = 0; i < data.length; i++) data[i] = raw.dims.length > 1 ? generator.normal() * 0.02 : constant;
    state[name] = tensor;
  }
  model.loadStateDict(state);
  return { config, model };
}

/** [batch, length] of a run. */
export type Shape = readonly [batch: number, length: number];

export type BertInputs = Readonly<Record<'input_ids' | 'attention_mask' | 'token_type_ids', Tensor<'int64'>>>;

/** Random tokens without padding, the first half of the first segment. */
export function bertInputs({ vocabSize }: Pick<BertConfig, 'vocabSize'>, [batch, length]: Shape): BertInputs {
  const generator = new Generator(SEED);
  const tensor = (value: (position: number) => number): Tensor<'int64'> => {
    const data = BigInt64Array.from({ length: batch * length }, (_, i) => BigInt(value(i % length)));
    return new Tensor('int64', data, [batch, length]);
  };
  return {
    input_ids: tensor(() => generator.integer(vocabSize)),
    attention_mask: tensor(() => 1),
    token_type_ids: tensor((position) => (position < length / 2 ? 0 : 1)),
  };
}

/** The model as a graph for any batch and length. */
export function traceBert({ model, config }: Bert): Graph {
  return trace(model, bertInputs(config, [1, 2]));
}

/** Multiply-adds of the linears; attention, which stays float, is not counted. */
export function multiplyAdds(
  { hiddenSize, intermediateSize, layers, labels }: BertConfig,
  [batch, length]: Shape,
): number {
  const token = layers * (4 * hiddenSize ** 2 + 2 * hiddenSize * intermediateSize);
  return batch * (length * token + hiddenSize ** 2 + hiddenSize * labels.length);
}
