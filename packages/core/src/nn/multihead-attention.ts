import * as F from '../functional.js';
import { Tensor } from '../tensor/tensor.js';
import {
  AttentionBase,
  type AttentionOptions,
  type MultiheadAttentionOptions,
  type Projected,
} from './attention-base.js';
import { skipInit, uniform } from './init.js';
import { Linear } from './linear.js';

/**
 * Attention with several heads: query [queries, batch, embedDim], key [keys, batch, kdim], value [keys, batch, vdim] ->
 * output [queries, batch, embedDim] and weights [batch, queries, keys], or [batch, heads, queries, keys] unaveraged;
 * all float32. Each of the three is projected, heads compute softmax(q k^T / sqrt(d) + masks) v, `out_proj` follows.
 * Sequences without the batch axis are taken too.
 *
 * Parameters are PyTorch's: in_proj_weight [3 embedDim, embedDim] (q, k, v stacked), or with other widths
 * q_proj_weight, k_proj_weight and v_proj_weight, in_proj_bias [3 embedDim], out_proj.weight and out_proj.bias.
 * `out_proj` is a plain Linear that is called as one, so that it can be quantized; PyTorch's
 * `NonDynamicallyQuantizableLinear` cannot.
 */
export class MultiheadAttention extends AttentionBase {
  in_proj_weight: Tensor | null = null;
  q_proj_weight: Tensor | null = null;
  k_proj_weight: Tensor | null = null;
  v_proj_weight: Tensor | null = null;
  in_proj_bias: Tensor | null;
  out_proj: Linear;

  constructor(embedDim: number, numHeads: number, options: MultiheadAttentionOptions = {}) {
    super(embedDim, numHeads, options);
    const { kdim, vdim } = this;
    const { bias = true } = options;
    if (kdim === embedDim && vdim === embedDim) {
      this.in_proj_weight = xavier(3 * embedDim, embedDim);
    } else {
      this.q_proj_weight = xavier(embedDim, embedDim);
      this.k_proj_weight = xavier(embedDim, kdim);
      this.v_proj_weight = xavier(embedDim, vdim);
    }
    this.in_proj_bias = bias ? Tensor.zeros([3 * embedDim]) : null;
    const output = new Linear(embedDim, embedDim, { bias });
    if (bias) output.bias = Tensor.zeros([embedDim]);
    this.out_proj = output;
  }

  forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    options?: AttentionOptions,
  ): [output: Tensor, weights: Tensor | null] {
    this.checkSequences(query.raw.dims, key.raw.dims, value.raw.dims);
    const [heads, weights] = this.attend(this.project(query, key, value), options);
    return [this.out_proj.call(heads), weights];
  }

  /** The projections of queries, keys and values as three linears, which share the parameters' memory. */
  projections(): [q: Linear, k: Linear, v: Linear] {
    const linears = [this.embedDim, this.kdim, this.vdim].map((width, part) => {
      const { weight, bias } = this.projection(part);
      const linear = skipInit(() => new Linear(width, this.embedDim, { bias: bias !== null }));
      return Object.assign(linear, { weight, bias });
    });
    return linears as [Linear, Linear, Linear];
  }

  /** Weight and bias of queries (part 0), keys (1) or values (2). */
  private projection(part: number): { weight: Tensor; bias: Tensor | null } {
    const own = [this.q_proj_weight, this.k_proj_weight, this.v_proj_weight][part] ?? null;
    return {
      weight: own ?? rows(this.in_proj_weight as Tensor, part, this.embedDim),
      bias: this.in_proj_bias === null ? null : rows(this.in_proj_bias, part, this.embedDim),
    };
  }

  /** q, k and v by the three parts of the projection; self-attention takes all of them from one linear. */
  private project(query: Tensor, key: Tensor, value: Tensor): Projected {
    const size = this.embedDim;
    if (this.in_proj_weight !== null && query === key && key === value) {
      const all = F.linear(query, this.in_proj_weight, this.in_proj_bias);
      const part = (at: number): Tensor => F.slice(all, -1, at * size, (at + 1) * size);
      return [part(0), part(1), part(2)];
    }
    const project = (x: Tensor, part: number): Tensor => {
      const { weight, bias } = this.projection(part);
      return F.linear(x, weight, bias);
    };
    return [project(query, 0), project(key, 1), project(value, 2)];
  }
}

/** Glorot's uniform start (torch/nn/init.py, `xavier_uniform_`). */
function xavier(rowCount: number, columns: number): Tensor {
  return uniform([rowCount, columns], Math.sqrt(6 / (rowCount + columns)));
}

/** Rows [part * size, (part + 1) * size) of a parameter, sharing its memory. */
function rows(parameter: Tensor, part: number, size: number): Tensor {
  const { data, dims } = (parameter as Tensor<'float32'>).raw;
  const run = data.length / 3;
  return new Tensor('float32', data.subarray(part * run, (part + 1) * run), [size, ...dims.slice(1)]);
}
