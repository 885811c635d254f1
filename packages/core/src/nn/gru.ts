import type { SequenceOptions } from '../functional.js';
import * as F from '../functional.js';
import type { Tensor } from '../tensor/tensor.js';
import { floatWeights, type RecurrentParameters, recurrentParameters } from './recurrent-layer.js';
import { RECURRENT_MODES } from './recurrent-modes.js';
import { RNNBase, type RNNOptions } from './rnn-base.js';

/**
 * A sequence and, optionally, the h to start from, [layers * directions, batch, hidden], and lengths int32 [batch] ->
 * the output and the last h.
 */
export type GRUFunction = (x: Tensor, h?: Tensor | null, lengths?: Tensor | null) => [output: Tensor, h: Tensor];

/** Options of a GRU: those of an LSTM but for projections. */
export type GRUOptions = Omit<RNNOptions, 'projSize'>;

/**
 * Gated recurrent units: x [time, batch, inputSize] -> output [time, batch, directions * hidden], and the last h.
 * r = sigmoid(ih_r + hh_r), z = sigmoid(ih_z + hh_z), n = tanh(ih_n + r hh_n), h' = (h - n) z + n, where ih and hh are
 * the two linears. Parameters have PyTorch's names and shapes: weight_ih_l0 [3 hidden, in], weight_hh_l0
 * [3 hidden, hidden], bias_ih_l0, bias_hh_l0, weight_ih_l0_reverse, ...
 */
export class GRU extends RNNBase<GRUFunction> {
  [parameter: `weight_${string}` | `bias_${string}`]: Tensor;

  constructor(inputSize: number, hiddenSize: number, options: GRUOptions = {}) {
    super(inputSize, hiddenSize, { ...options, projSize: 0 });
    for (const { suffix, input } of this.directions) {
      const sizes = { input, hidden: hiddenSize, bias: this.bias };
      Object.assign(this, recurrentParameters(RECURRENT_MODES.gru, sizes, suffix));
    }
  }

  forward(x: Tensor, h?: Tensor | null, lengths?: Tensor | null): ReturnType<GRUFunction> {
    const { output, state } = this.run(x, h ? [h] : null, lengths);
    return [output, state[0] as Tensor];
  }

  protected runDirection(layer: number, x: Tensor, options: SequenceOptions): Tensor[] {
    return F.gruLayer(x, this.weights(`_l${layer}${options.reverse ? '_reverse' : ''}`), options);
  }

  /** The weights of a suffix, float32. */
  protected weights(suffix: string): F.RecurrentWeights {
    return floatWeights(this as RecurrentParameters, suffix);
  }
}
