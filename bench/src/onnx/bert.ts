import type { nn, Tensor } from '@octavo/core';
import type { BertConfig } from '@octavo/glue-eval';
import { ELEMENT_TYPES, OnnxGraph } from './graph.js';
import { asOnnx, type Form, type LayerWriter, type LinearWeights, layerWriter } from './layers.js';

/** float32's most negative finite number: what Hugging Face adds to the scores of padding. */
const MASKED = -3.4028234663852886e38;

/**
 * A BERT classifier as a file with dynamic batch and length: input_ids, attention_mask and token_type_ids, int64
 * [batch, length] -> logits float32 [batch, labels]. Attention, GELU and LayerNorm are written as PyTorch's exporter
 * writes them, because the runtime's fusions look for those patterns.
 */
export function writeBert(form: Form, state: nn.StateDict, config: BertConfig): Uint8Array {
  return new BertWriter(form, state, config).write();
}

class BertWriter {
  private readonly graph = new OnnxGraph();
  private readonly layers: LayerWriter;
  private readonly state: nn.StateDict;
  private readonly config: BertConfig;

  constructor(form: Form, state: nn.StateDict, config: BertConfig) {
    this.layers = layerWriter(form, this.graph);
    this.state = state;
    this.config = config;
  }

  write(): Uint8Array {
    const { graph, config } = this;
    const [ids, mask, types] = ['input_ids', 'attention_mask', 'token_type_ids'].map((name) =>
      graph.input(name, 'int64', ['batch', 'length']),
    ) as [string, string, string];
    const scores = this.additiveMask(mask);
    let hidden = this.embeddings(ids, types);
    for (let layer = 0; layer < config.layers; layer++)
      hidden = this.layer(`bert.encoder.layer.${layer}`, hidden, scores);
    const first = graph.node('Gather', [hidden, this.index(0)], { axis: 1 });
    const pooled = graph.node('Tanh', [this.linear('bert.pooler.dense', first)]);
    graph.node('Identity', [this.linear('classifier', pooled)], {}, 'logits');
    graph.output('logits', 'float32', ['batch', config.labels.length]);
    return graph.encode();
  }

  /** [batch, length] of ones and zeros -> [batch, 1, 1, length] to add to scores. */
  private additiveMask(mask: string): string {
    const { graph } = this;
    const unsqueezed = graph.node('Unsqueeze', [graph.node('Unsqueeze', [mask, graph.integers(1)]), graph.integers(2)]);
    const kept = graph.node('Cast', [unsqueezed], { to: ELEMENT_TYPES.float32 });
    return graph.node('Mul', [graph.node('Sub', [graph.scalar(1), kept]), graph.scalar(MASKED)]);
  }

  private embeddings(ids: string, types: string): string {
    const { graph, layers, config } = this;
    const name = 'bert.embeddings';
    const table = (of: string, indices: string): string =>
      layers.embedding(`${name}.${of}.weight`, this.tensor(`${name}.${of}.weight`), indices);
    const length = graph.node('Unsqueeze', [
      graph.node('Gather', [graph.node('Shape', [ids]), this.index(1)], { axis: 0 }),
      graph.integers(0),
    ]);
    const all = graph.initializer('positions', {
      type: 'int64',
      dims: [1, config.maxPositions],
      data: BigInt64Array.from({ length: config.maxPositions }, (_, i) => BigInt(i)),
    });
    const positions = graph.node('Slice', [all, graph.integers(0), length, graph.integers(1)]);
    const words = graph.node('Add', [table('word_embeddings', ids), table('token_type_embeddings', types)]);
    const sum = graph.node('Add', [words, table('position_embeddings', positions)]);
    return this.layerNorm(name, graph.describe(sum, 'float32', ['batch', 'length', config.hiddenSize]));
  }

  private layer(name: string, hidden: string, mask: string): string {
    const { graph } = this;
    const attended = this.attention(`${name}.attention.self`, hidden, mask);
    const projected = this.linear(`${name}.attention.output.dense`, attended);
    const middle = this.layerNorm(`${name}.attention.output`, graph.node('Add', [projected, hidden]));
    const wide = this.gelu(this.linear(`${name}.intermediate.dense`, middle));
    const narrow = this.linear(`${name}.output.dense`, wide);
    return this.layerNorm(`${name}.output`, graph.node('Add', [narrow, middle]));
  }

  private attention(name: string, hidden: string, mask: string): string {
    const { graph, config } = this;
    const d = config.hiddenSize / config.heads;
    const heads = (x: string, perm: readonly number[]): string =>
      graph.node('Transpose', [graph.node('Reshape', [x, graph.integers(0, 0, config.heads, d)])], { perm });
    const q = heads(this.linear(`${name}.query`, hidden), [0, 2, 1, 3]);
    const k = heads(this.linear(`${name}.key`, hidden), [0, 2, 3, 1]);
    const v = heads(this.linear(`${name}.value`, hidden), [0, 2, 1, 3]);
    const scores = graph.node('Div', [graph.node('MatMul', [q, k]), graph.scalar(Math.sqrt(d))]);
    const probabilities = graph.node('Softmax', [graph.node('Add', [scores, mask])], { axis: -1 });
    const mixed = graph.node('Transpose', [graph.node('MatMul', [probabilities, v])], { perm: [0, 2, 1, 3] });
    return graph.node('Reshape', [mixed, graph.integers(0, 0, config.hiddenSize)]);
  }

  private gelu(x: string): string {
    const { graph } = this;
    const erf = graph.node('Erf', [graph.node('Div', [x, graph.scalar(Math.SQRT2)])]);
    return graph.node('Mul', [graph.node('Mul', [x, graph.node('Add', [erf, graph.scalar(1)])]), graph.scalar(0.5)]);
  }

  private layerNorm(name: string, x: string): string {
    const { graph, config } = this;
    const parameters = ['weight', 'bias'].map((part) =>
      graph.initializer(`${name}.LayerNorm.${part}`, asOnnx(this.tensor(`${name}.LayerNorm.${part}`))),
    );
    const attributes = { axis: -1, epsilon: { float: config.layerNormEps } };
    return graph.node('LayerNormalization', [x, ...parameters], attributes);
  }

  private linear(name: string, x: string): string {
    const weights: LinearWeights = { name, weight: this.tensor(`${name}.weight`), bias: this.tensor(`${name}.bias`) };
    return this.layers.linear(x, weights);
  }

  /** An index without dims: Gather then drops the axis. */
  private index(i: number): string {
    return this.graph.initializer(`index_${i}`, { type: 'int64', dims: [], data: BigInt64Array.of(BigInt(i)) });
  }

  private tensor(name: string): Tensor<'float32'> {
    const tensor = this.state[name];
    if (tensor === undefined) throw new Error(`the model has no parameter '${name}'`);
    return tensor as Tensor<'float32'>;
  }
}
