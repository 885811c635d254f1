import { type Module, nn, QuantizedTensor, quantizePerTensor, type Tensor } from '@octavo/core';
import type { AttentionConfig } from '../dynamic/multihead-attention.js';
import { DeQuantStub, Quantize, QuantStub } from '../stubs/quant-stub.js';
import { dimsOf, type Value } from './value.js';

/** Three sequences, float or codes -> the output and the weights of the same kind. */
type OfValues = (
  query: Value,
  key: Value,
  value: Value,
  options?: nn.AttentionOptions,
) => [output: Value, weights: Value | null];

/** Any of PyTorch's names for a child that takes and gives either kind. */
type OfValue = Module<(x: never) => Value>;

/** Weights of attention lie in [0, 1], as a softmax on codes gives them. */
const WEIGHT_SCALE = 1 / 256;

/**
 * An `nn.MultiheadAttention` made of parts that static quantization knows (PyTorch,
 * torch/ao/nn/quantizable/modules/activation.py): `prepare` puts it in the float module's place, `convert` makes its
 * linears int8. Codes in and out; scores, softmax and the sums over values are float32 between `dequant_q`,
 * `dequant_k`, `dequant_v` and `quant_attn_output`, as there. Weights come back as codes of scale 1/256, where PyTorch
 * observes them.
 */
export class QuantizableMultiheadAttention extends nn.AttentionBase<OfValues> {
  linear_Q: OfValue;
  linear_K: OfValue;
  linear_V: OfValue;
  out_proj: OfValue;
  quant_attn_output: OfValue = new QuantStub();
  dequant_q: OfValue = new DeQuantStub();
  dequant_k: OfValue = new DeQuantStub();
  dequant_v: OfValue = new DeQuantStub();

  constructor(attention: nn.MultiheadAttention) {
    super(attention.embedDim, attention.numHeads, attention);
    const [q, k, v] = attention.projections();
    this.linear_Q = q;
    this.linear_K = k;
    this.linear_V = v;
    this.out_proj = attention.out_proj;
  }

  /** One whose children come from a file. */
  static fromConfig(config: AttentionConfig): QuantizableMultiheadAttention {
    const float = nn.skipInit(() => new nn.MultiheadAttention(config.embedDim, config.numHeads, config));
    return new QuantizableMultiheadAttention(float);
  }

  get config(): AttentionConfig {
    const { embedDim, numHeads, kdim, vdim, batchFirst } = this;
    return { embedDim, numHeads, kdim, vdim, batchFirst };
  }

  forward(
    query: Value,
    key: Value,
    value: Value,
    options?: nn.AttentionOptions,
  ): [output: Value, weights: Value | null] {
    this.checkSequences(dimsOf(query), dimsOf(key), dimsOf(value));
    const q = this.dequant_q.call(this.linear_Q.call(query as never) as never) as Tensor;
    const k = this.dequant_k.call(this.linear_K.call(key as never) as never) as Tensor;
    const v = this.dequant_v.call(this.linear_V.call(value as never) as never) as Tensor;
    const [heads, weights] = this.attend([q, k, v], options);
    const output = this.out_proj.call(this.quant_attn_output.call(heads as never) as never);
    if (weights === null || !QuantizedTensor.is(output)) return [output, weights];
    return [output, quantizePerTensor(weights, WEIGHT_SCALE, 0)];
  }

  override get typeName(): string {
    return this.quant_attn_output instanceof Quantize ? 'QuantizedMultiheadAttention' : 'QuantizableMultiheadAttention';
  }
}
