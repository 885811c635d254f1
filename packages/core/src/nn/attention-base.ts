import { OctavoError } from '../errors.js';
import * as F from '../functional.js';
import { type Dims, formatDims } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkSize } from './linear.js';
import { type AnyForward, Module } from './module.js';

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
  /**
   * [queries, keys], [batch * heads, queries, keys] or [batch, heads, queries, keys]: bool, true where a query must not
   * look, or float32, added.
   */
  attnMask?: Tensor | null;
  /**
   * Also gives the weights of the heads; true when left out. Without them the heads run in one op, with the same bits.
   */
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

/** q, k and v of the heads. */
export type Projected = readonly [q: Tensor, k: Tensor, v: Tensor];

/**
 * What attention is apart from its projections, for float and quantized modules alike: sizes, checks of the sequences,
 * masks, and the heads.
 */
export abstract class AttentionBase<F extends AnyForward = MultiheadAttentionFunction> extends Module<F> {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly kdim: number;
  readonly vdim: number;
  readonly batchFirst: boolean;

  constructor(
    embedDim: number,
    numHeads: number,
    { kdim = embedDim, vdim = embedDim, batchFirst = false }: Omit<MultiheadAttentionOptions, 'bias'> = {},
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
  }

  /**
   * softmax(q k^T / sqrt(d) + masks) v of every head, for projected sequences of the caller's order of axes; and the
   * weights where they are asked for, else null. The heads lie side by side in the result, as `out_proj` takes them.
   */
  protected attend(
    projected: Projected,
    { keyPaddingMask = null, attnMask = null, needWeights = true, averageAttnWeights = true }: AttentionOptions = {},
  ): [heads: Tensor, weights: Tensor | null] {
    const single = projected[0].raw.dims.length === 2;
    const [q, k, v] = projected.map((x) => this.toBatchFirst(x, single)) as [Tensor, Tensor, Tensor];
    const mask = this.mask(attnMask, keyPaddingMask, single);
    const [heads, weights] = needWeights
      ? this.attendWithWeights(q, k, v, mask)
      : [F.multiHeadAttention(q, k, v, mask, { heads: this.numHeads }), null];
    const result = this.fromBatchFirst(heads, single);
    if (weights === null) return [result, null];
    const given = averageAttnWeights ? F.mean(weights, 1) : weights;
    return [result, single ? F.select(given, 0, 0) : given];
  }

  /**
   * The parts of `octavo::multi_head_attention` one by one: the same bits, and the weights [batch, heads, queries,
   * keys].
   */
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

  /** Refuses sequences whose ranks or widths, constants of the model, are others. */
  protected checkSequences(q: Dims, k: Dims, v: Dims): void {
    const fits = [q, k, v].every((dims) => dims.length === q.length) && (q.length === 2 || q.length === 3);
    if (!fits || q.at(-1) !== this.embedDim || k.at(-1) !== this.kdim || v.at(-1) !== this.vdim) {
      const lead = this.batchFirst ? 'batch, time' : 'time, batch';
      throw new OctavoError(
        'INVALID_SHAPE',
        `[MultiheadAttention] expected query [${lead}, ${this.embedDim}], key [${lead}, ${this.kdim}] and value ` +
          `[${lead}, ${this.vdim}], or all without batch; got ${[q, k, v].map(formatDims).join(', ')}`,
      );
    }
  }
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
