import { OctavoError } from '../errors.js';
import type { SequenceOptions } from '../functional.js';
import * as F from '../functional.js';
import { type Dims, formatDims } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { Dropout } from './dropout.js';
import { checkSize } from './linear.js';
import { type AnyForward, Module } from './module.js';
import { pythonFloat } from './repr.js';

/** Options of recurrent modules, with PyTorch's defaults. */
export interface RNNOptions {
  /** Layers, one on the outputs of the other; 1 when left out. */
  numLayers?: number;
  bias?: boolean;
  /** Sequences are [batch, time, features] in place of [time, batch, features]; states never are. */
  batchFirst?: boolean;
  /** Probability of dropping an output of all layers but the last, in training only. */
  dropout?: number;
  /** A second pass from the end of the sequence; outputs lie side by side, forward first. */
  bidirectional?: boolean;
  /** Width that LSTM's h is projected to; 0, the default, for none. */
  projSize?: number;
}

/**
 * Sizes, checks and the way of a sequence through layers, directions and steps, for float and quantized recurrent
 * modules alike. x [time, batch, in] float32, or [batch, time, in] with `batchFirst`, or [time, in] for one sequence;
 * the output has the directions' h in the last dimension, and a state is [layers * directions, batch, width].
 *
 * Each direction of each layer is one op (`F.lstmLayer` and its kin), so that a trace serves any batch and length.
 * `lengths` int32 [batch] gives sequences of a padded batch their own lengths, as PyTorch's packed sequences do: states
 * stop at a sequence's end (a reverse direction starts there), and outputs beyond it are 0.
 */
export abstract class RNNBase<F extends AnyForward = AnyForward> extends Module<F> {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly bias: boolean;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
  readonly projSize: number;

  constructor(inputSize: number, hiddenSize: number, options: RNNOptions = {}) {
    super();
    const { numLayers = 1, bias = true, batchFirst = false, dropout = 0 } = options;
    const { bidirectional = false, projSize = 0 } = options;
    const module = new.target.name;
    checkSize(module, 'inputSize', inputSize);
    checkSize(module, 'hiddenSize', hiddenSize);
    checkSize(module, 'projSize', projSize);
    if (!(Number.isSafeInteger(numLayers) && numLayers > 0)) {
      throw new OctavoError('INVALID_ARGUMENT', `[${module}] numLayers must be an integer above 0, got ${numLayers}`);
    }
    if (!(dropout >= 0 && dropout <= 1)) {
      throw new OctavoError('INVALID_ARGUMENT', `[${module}] dropout must be between 0 and 1, got ${dropout}`);
    }
    if (projSize > 0 && projSize >= hiddenSize) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[${module}] projSize must be below hiddenSize ${hiddenSize}, got ${projSize}`,
      );
    }
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.numLayers = numLayers;
    this.bias = bias;
    this.batchFirst = batchFirst;
    this.dropout = dropout;
    this.bidirectional = bidirectional;
    this.projSize = projSize;
  }

  /** One direction of a layer over x [time, batch, in]: the outputs and the last states. */
  protected abstract runDirection(layer: number, x: Tensor, options: SequenceOptions): Tensor[];

  /** What the constructor was given, for building another one. */
  get options(): Required<RNNOptions> {
    const { numLayers, bias, batchFirst, dropout, bidirectional, projSize } = this;
    return { numLayers, bias, batchFirst, dropout, bidirectional, projSize };
  }

  /** Layers and directions in the order of the states, with the suffix of their parameters and the width of input. */
  get directions(): {
    readonly layer: number;
    readonly reverse: boolean;
    readonly suffix: string;
    readonly input: number;
  }[] {
    const reverses = this.bidirectional ? [false, true] : [false];
    return Array.from({ length: this.numLayers }, (_, layer) =>
      reverses.map((reverse) => ({
        layer,
        reverse,
        suffix: `_l${layer}${reverse ? '_reverse' : ''}`,
        input: layer === 0 ? this.inputSize : this.outputSize * reverses.length,
      })),
    ).flat();
  }

  /** Width of h. */
  get outputSize(): number {
    return this.projSize || this.hiddenSize;
  }

  override extraRepr(): string {
    const { projSize, numLayers, bias, batchFirst, dropout, bidirectional } = this;
    return [
      `${this.inputSize}, ${this.hiddenSize}`,
      ...(projSize === 0 ? [] : [`proj_size=${projSize}`]),
      ...(numLayers === 1 ? [] : [`num_layers=${numLayers}`]),
      ...(bias ? [] : ['bias=False']),
      ...(batchFirst ? ['batch_first=True'] : []),
      ...(dropout === 0 ? [] : [`dropout=${pythonFloat(dropout)}`]),
      ...(bidirectional ? ['bidirectional=True'] : []),
    ].join(', ');
  }

  /** Runs sequences from given states, or from zeros; gives the output and the last states, stacked. */
  protected run(
    x: Tensor,
    initial: readonly Tensor[] | null,
    lengths: Tensor | null = null,
  ): { output: Tensor; state: Tensor[] } {
    const { dims } = x.raw;
    if (dims.length < 2 || dims.length > 3 || dims.at(-1) !== this.inputSize) {
      const batched = this.batchFirst ? `[batch, time, ${this.inputSize}]` : `[time, batch, ${this.inputSize}]`;
      throw this.shapeError(`x ${batched} or [time, ${this.inputSize}]`, dims);
    }
    const single = dims.length === 2;
    const swap = this.batchFirst && !single;
    const sequence = single ? F.unsqueeze(x, 1) : swap ? F.transpose(x, 0, 1) : x;
    const [time, batch] = sequence.raw.dims as [number, number, number];
    if (time === 0) throw this.shapeError('at least one time step', dims);
    const state = this.firstState(initial, batch, single);
    this.checkLengths(lengths, batch);
    const result = this.runLayers(sequence, state, lengths);
    return {
      output: single ? F.select(result.output, 1, 0) : swap ? F.transpose(result.output, 0, 1) : result.output,
      state: single ? result.state.map((each) => F.select(each, 1, 0)) : result.state,
    };
  }

  private runLayers(
    x: Tensor,
    first: readonly Tensor[] | null,
    lengths: Tensor | null,
  ): { output: Tensor; state: Tensor[] } {
    const last: Tensor[][] = [];
    const outputs = this.directions.reduce<Tensor[][]>((all, { layer, reverse }, at) => {
      const below = layer === 0 ? x : this.betweenLayers(all[layer - 1] as Tensor[]);
      const [h, c] = first?.map((state) => F.select(state, 0, at)) ?? [];
      const [output, ...state] = this.runDirection(layer, below, { reverse, lengths, h, c }) as [Tensor, ...Tensor[]];
      last.push(state.map((each) => F.unsqueeze(each, 0)));
      all[layer] = [...(all[layer] ?? []), output];
      return all;
    }, []);
    const state = (last[0] as Tensor[]).map((_, i) =>
      joined(
        last.map((states) => states[i] as Tensor),
        0,
      ),
    );
    return { output: joined(outputs.at(-1) as Tensor[], -1), state };
  }

  /** The input of a layer: both directions of the one below, with dropout in training. */
  private betweenLayers(outputs: readonly Tensor[]): Tensor {
    const x = joined(outputs, -1);
    return this.training && this.dropout > 0 ? new Dropout(this.dropout).train().forward(x) : x;
  }

  /** The states to start from, [layers * directions, batch, width] each: as given, or null for zeros. */
  private firstState(given: readonly Tensor[] | null, batch: number, single: boolean): Tensor[] | null {
    const count = this.directions.length;
    return (
      given?.map((state, i) => {
        const width = i === 0 ? this.outputSize : this.hiddenSize;
        const expected = single ? [count, width] : [count, batch, width];
        if (state.raw.dims.join() !== expected.join()) {
          throw this.shapeError(`${i === 0 ? 'h' : 'c'}0 ${formatDims(expected)}`, state.raw.dims);
        }
        return single ? F.unsqueeze(state, 1) : state;
      }) ?? null
    );
  }

  private checkLengths(lengths: Tensor | null, batch: number): void {
    if (lengths === null || (lengths.type === 'int32' && lengths.raw.dims.join() === String(batch))) return;
    throw this.shapeError(`lengths int32 [${batch}]`, lengths.raw.dims, lengths.type);
  }

  private shapeError(expected: string, got: Dims, dtype = ''): OctavoError {
    const came = `${dtype}${dtype && ' '}${formatDims(got)}`;
    return new OctavoError('INVALID_SHAPE', `[${this.typeName}] expected ${expected}, got ${came}`);
  }
}

function joined(tensors: readonly Tensor[], dim: number): Tensor {
  return tensors.length === 1 ? (tensors[0] as Tensor) : F.cat(tensors, dim);
}
