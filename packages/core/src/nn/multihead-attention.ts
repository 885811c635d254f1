import { OctavoError } from '../errors.js';
import * as F from '../functional.js';
import { type Dims, formatDims } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { uniform } from './init.js';
import { checkSize, Linear } from './linear.js';
import { Module } from './module.js';

export interface MultiheadAttentionOptions {
  bias?: boolean;
  /** Width of keys and of values; embedDim when left out. */
  kdim?: number;
  vdim?: number;
  /** Sequences are [batch, time, width] in place of [time, batch, width]. */
  batchFirst?: boolean;
}

/** What one call may be given besides its three sequences. */
export interface AttentionOptions {
  /** [batch, keys] (or [keys]): bool, true where a key is padding, or float32, added to the scores. */
  keyPaddingMask?: Tensor | null;
  /** [queries, keys], [batch * heads, queries, keys] or [batch, heads, queries, keys]: bool, true where a query must not look, or float32, added. */
  attnMask?: Tensor | null;
  /** Also gives the weights of the heads; true when left out. Without them the heads run in one op, with the same bits. */
  needWeights?: boolean;
  /** One matrix of weights, the mean of the heads'; true when left out. */
  averageAttnWeights?: boolean;
}

/** Three sequences -> the output and, where asked for, the weights. */
export type MultiheadAttentionFunction = (
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options?: AttentionOptions,
) => [output: Tensor, weights: Tensor | null];

/**
 * What a masked key adds to a score, in place of -infinity: its weight is 0 exactly, two masks on one key stay finite,
 * and a query that may look at no key sees all alike, where PyTorch gives NaN.
 */
const MASKED = -(2 ** 126);

/**
 * Attention with several heads: query [queries, batch, embedDim], key [keys, batch, kdim], value [keys, batch, vdim] ->
 * output [queries, batch, embedDim] and weights [batch, queries, keys], or [batch, heads, queries, keys] unaveraged;
 * all float32. Each of the three is projected, heads compute softmax(q k^T / sqrt(d) + masks) v, `out_proj` follows.
 * Sequences without the batch axis are taken too.
 *
 * Parameters are PyTorch's: in_proj_weight [3 embedDim, embedDim] (q, k, v stacked), or with other widths q_proj_weight,
 * k_proj_weight and v_proj_weight, in_proj_bias [3 embedDim], out_proj.weight and out_proj.bias. `out_proj` is a plain
 * Linear that is called as one, so that it can be quantized; PyTorch's `NonDynamicallyQuantizableLinear` cannot.
 */
export class MultiheadAttention extends Module<MultiheadAttentionFunction> {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly kdim: number;
  readonly vdim: number;
  readonly batchFirst: boolean;
  in_proj_weight: Tensor | null = null;
  q_proj_weight: Tensor | null = null;
  k_proj_weight: Tensor | null = null;
  v_proj_weight: Tensor | null = null;
  in_proj_bias: Tensor | null;
  out_proj: Linear;

  constructor(
    embedDim: number,
    numHeads: number,
    { bias = true, kdim = embedDim, vdim = embedDim, batchFirst = false }: MultiheadAttentionOptions = {},
  ) {
    super();
    for (const [name, size] of Object.entries({ embedDim, numHeads, kdim, vdim })) {
      checkSize('MultiheadAttention', name, size);
    }
    if (embedDim === 0 || embedDim % numHeads !== 0) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[MultiheadAttention] embedDim must be a multiple of numHeads, got ${embedDim} and ${numHeads}`,
      );
    }
    this.embedDim = embedDim;
    this.numHeads = numHeads;
    this.kdim = kdim;
    this.vdim = vdim;
    this.batchFirst = batchFirst;
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
    { keyPaddingMask = null, attnMask = null, needWeights = true, averageAttnWeights = true }: AttentionOptions = {},
  ): [output: Tensor, weights: Tensor | null] {
    const single = this.checkSequences(query, key, value);
    const [q, k, v] = this.project(query, key, value).map((x) => this.toBatchFirst(x, single)) as Triple;
    const mask = this.mask(attnMask, keyPaddingMask, single);
    const [heads, weights] = needWeights
      ? this.attendWithWeights(q, k, v, mask)
      : [F.multiHeadAttention(q, k, v, mask, { heads: this.numHeads }), null];
    const output = this.out_proj.call(this.fromBatchFirst(heads, single));
    if (weights === null) return [output, null];
    const given = averageAttnWeights ? F.mean(weights, 1) : weights;
    return [output, single ? F.select(given, 0, 0) : given];
  }

  /** q, k and v by the three parts of the projection; self-attention takes all of them from one linear. */
  private project(query: Tensor, key: Tensor, value: Tensor): Tensor[] {
    const size = this.embedDim;
    if (this.in_proj_weight !== null && query === key && key === value) {
      const all = F.linear(query, this.in_proj_weight, this.in_proj_bias);
      return [0, 1, 2].map((part) => F.slice(all, -1, part * size, (part + 1) * size));
    }
    const weights = [this.q_proj_weight, this.k_proj_weight, this.v_proj_weight];
    return [query, key, value].map((x, part) => {
      const weight = weights[part] ?? rows(this.in_proj_weight as Tensor, part, size);
      return F.linear(x, weight, this.in_proj_bias === null ? null : rows(this.in_proj_bias, part, size));
    });
  }

  /** The parts of `octavo::multi_head_attention` one by one: the same bits, and the weights [batch, heads, queries, keys]. */
  private attendWithWeights(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | null): [heads: Tensor, weights: Tensor] {
    const d = this.embedDim / this.numHeads;
    const split = (x: Tensor): Tensor => F.permute(F.reshape(x, [0, 0, this.numHeads, d]), [0, 2, 1, 3]);
    const scores = F.mul(F.matmul(split(q), F.transpose(split(k), 2, 3)), 1 / Math.sqrt(d));
    const weights = F.softmax(mask === null ? scores : F.add(scores, mask));
    return [F.reshape(F.permute(F.matmul(weights, split(v)), [0, 2, 1, 3]), [0, 0, this.embedDim]), weights];
  }

  /** Both masks as one that is added to scores [batch, heads, queries, keys], or null. */
  private mask(attention: Tensor | null, padding: Tensor | null, single: boolean): Tensor | null {
    const ofQueries = attention === null ? null : this.attentionMask(attention);
    const ofKeys = padding === null ? null : paddingMask(padding, single);
    if (ofQueries === null || ofKeys === null) return ofQueries ?? ofKeys;
    return F.add(ofQueries, ofKeys);
  }

  private attentionMask(given: Tensor): Tensor {
    const mask = additive('attnMask', given);
    const rank = mask.raw.dims.length;
    if (rank === 4) return mask;
    if (rank === 2) return F.unsqueeze(F.unsqueeze(mask, 0), 0);
    if (rank !== 3) throw maskError('attnMask', '[queries, keys] or [batch * heads, queries, keys]', mask.raw.dims);
    const [, queries, keys] = mask.dims as [number, number, number]; // Rows of all heads: the sizes are needed here.
    return F.reshape(mask, [-1, this.numHeads, queries, keys]);
  }

  private toBatchFirst(x: Tensor, single: boolean): Tensor {
    if (single) return F.unsqueeze(x, 0);
    return this.batchFirst ? x : F.transpose(x, 0, 1);
  }

  private fromBatchFirst(x: Tensor, single: boolean): Tensor {
    if (single) return F.select(x, 0, 0);
    return this.batchFirst ? x : F.transpose(x, 0, 1);
  }

  /** True for sequences without the batch axis. Ranks and widths are constants of the model. */
  private checkSequences(query: Tensor, key: Tensor, value: Tensor): boolean {
    const [q, k, v] = [query.raw.dims, key.raw.dims, value.raw.dims];
    const fits = [q, k, v].every((dims) => dims.length === q.length) && (q.length === 2 || q.length === 3);
    if (!fits || q.at(-1) !== this.embedDim || k.at(-1) !== this.kdim || v.at(-1) !== this.vdim) {
      const lead = this.batchFirst ? 'batch, time' : 'time, batch';
      throw new OctavoError(
        'INVALID_SHAPE',
        `[MultiheadAttention] expected query [${lead}, ${this.embedDim}], key [${lead}, ${this.kdim}] and value ` +
          `[${lead}, ${this.vdim}], or all without batch; got ${[q, k, v].map(formatDims).join(', ')}`,
      );
    }
    return q.length === 2;
  }
}

type Triple = [Tensor, Tensor, Tensor];

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

function paddingMask(given: Tensor, single: boolean): Tensor {
  const mask = additive('keyPaddingMask', given);
  const { dims } = mask.raw;
  if (dims.length !== (single ? 1 : 2)) throw maskError('keyPaddingMask', single ? '[keys]' : '[batch, keys]', dims);
  return F.unsqueeze(F.unsqueeze(single ? F.unsqueeze(mask, 0) : mask, 1), 1);
}

/** A bool mask as what it adds to scores; a float32 one is that already. */
function additive(name: string, mask: Tensor): Tensor {
  if (mask.type === 'float32') return mask;
  if (mask.type === 'bool') return F.mul(F.toFloat(mask), MASKED);
  throw new OctavoError('INVALID_DTYPE', `[MultiheadAttention] ${name} must be bool or float32, got ${mask.type}`);
}

function maskError(name: string, expected: string, got: Dims): OctavoError {
  return new OctavoError('INVALID_SHAPE', `[MultiheadAttention] expected ${name} ${expected}, got ${formatDims(got)}`);
}
