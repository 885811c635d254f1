import type { Comparable } from '../metrics/compared-values.js';
import { ErrorSums } from '../metrics/error-sums.js';
import { type ValueStats, ValueSums } from './value-stats.js';

/**
 * What a row compares:
 * - `weight`: a parameter as it was and as its codes stand for it.
 * - `activation`: what a layer gives in either model, errors of the layers before it included.
 * - `shadow`: what a quantized layer gives and what its float twin makes of the same input: its own error alone.
 * - `output`: a result of the model.
 */
export type ComparisonKind = 'weight' | 'activation' | 'shadow' | 'output';

/** One tensor of a float model beside the quantized model's. */
export interface ComparisonRow {
  /** Dotted path of the module, or of the weight; unique among the rows of a kind. */
  readonly name: string;
  readonly kind: ComparisonKind;
  /** What the quantized side is: `quantized::conv`, `DynamicQuantizedLinear`. */
  readonly op?: string;
  /** 20 log10(|float| / |float - quantized|) in dB over all that was compared; Infinity where nothing differs. */
  readonly sqnr: number;
  /** -1 to 1. */
  readonly cosine: number;
  /** The largest |float - quantized|, in the tensor's own units. */
  readonly maxAbsError: number;
  readonly float?: ValueStats;
  readonly quantized?: ValueStats;
}

/** A row in the making: takes batches one by one and keeps sums only. */
export class Comparison {
  private readonly errors = new ErrorSums();
  private readonly float = new ValueSums();
  private readonly quantized = new ValueSums();

  constructor(
    readonly name: string,
    readonly kind: ComparisonKind,
    readonly op?: string,
  ) {}

  /** Adds one batch's tensors, of one size; codes count as the reals they stand for. INVALID_SHAPE names the row. */
  add(float: Comparable, quantized: Comparable): this {
    this.errors.add(`compare ${this.name}`, float, quantized);
    this.float.add(float);
    this.quantized.add(quantized);
    return this;
  }

  row(): ComparisonRow {
    const { name, kind, op } = this;
    const { sqnr, cosine, maxAbsError } = this.errors;
    const stats = { float: this.float.stats(), quantized: this.quantized.stats() };
    return { name, kind, ...(op !== undefined && { op }), sqnr, cosine, maxAbsError, ...stats };
  }
}
