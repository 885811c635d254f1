import { type Module, nn, type Tensor } from '@octavo/core';
import { type DynamicLinearAttrs, dynamicLinearAttrs, type QConfig } from '@octavo/observers';
import { DynamicQuantizedLinear } from './linear.js';
import { packWeight } from './pack-weight.js';

/** Enough to build an attention whose linears come from a file. */
export interface AttentionConfig {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly kdim: number;
  readonly vdim: number;
  readonly batchFirst: boolean;
}

type OfTensor = Module<(x: Tensor) => Tensor>;

/**
 * An `nn.MultiheadAttention` whose projections are int8 linears that quantize their inputs at run time; scores, softmax
 * and the sums over values stay float32. The names of the projections are those of PyTorch's quantizable attention.
 * `out_proj` is a linear like any other in a model: it is swapped by its own path and qconfig.
 */
export class DynamicQuantizedMultiheadAttention extends nn.AttentionBase {
  linear_Q: OfTensor;
  linear_K: OfTensor;
  linear_V: OfTensor;
  out_proj: OfTensor;

  constructor(
    config: AttentionConfig,
    [linearQ, linearK, linearV, outProj]: readonly [q: OfTensor, k: OfTensor, v: OfTensor, out: OfTensor],
  ) {
    super(config.embedDim, config.numHeads, config);
    this.linear_Q = linearQ;
    this.linear_K = linearK;
    this.linear_V = linearV;
    this.out_proj = outProj;
  }

  /** The int8 form of a float attention's projections, by a dynamic qconfig; `out_proj` is the one it has. */
  static fromFloat(attention: nn.MultiheadAttention, qconfig: QConfig): DynamicQuantizedMultiheadAttention {
    const attrs = dynamicLinearAttrs(qconfig);
    const [q, k, v] = attention.projections();
    return new DynamicQuantizedMultiheadAttention(attention, [
      quantized('linear_Q', q, qconfig, attrs),
      quantized('linear_K', k, qconfig, attrs),
      quantized('linear_V', v, qconfig, attrs),
      attention.out_proj,
    ]);
  }

  /** An attention with float linears, which a file's take the place of. */
  static fromConfig(config: AttentionConfig): DynamicQuantizedMultiheadAttention {
    const float = nn.skipInit(() => new nn.MultiheadAttention(config.embedDim, config.numHeads, config));
    return new DynamicQuantizedMultiheadAttention(config, [...float.projections(), float.out_proj]);
  }

  get config(): AttentionConfig {
    const { embedDim, numHeads, kdim, vdim, batchFirst } = this;
    return { embedDim, numHeads, kdim, vdim, batchFirst };
  }

  forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    options?: nn.AttentionOptions,
  ): [output: Tensor, weights: Tensor | null] {
    this.checkSequences(query.raw.dims, key.raw.dims, value.raw.dims);
    const projected = [this.linear_Q.call(query), this.linear_K.call(key), this.linear_V.call(value)] as const;
    const [heads, weights] = this.attend(projected, options);
    return [this.out_proj.call(heads), weights];
  }

  override get typeName(): string {
    return 'DynamicQuantizedMultiheadAttention';
  }
}

function quantized(
  name: string,
  { weight, bias }: nn.Linear,
  qconfig: QConfig,
  attrs: DynamicLinearAttrs,
): DynamicQuantizedLinear {
  return new DynamicQuantizedLinear(packWeight(name, weight, bias, qconfig), attrs);
}
