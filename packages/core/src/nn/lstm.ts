import type { SequenceOptions } from '../functional.js';
import * as F from '../functional.js';
import type { Tensor } from '../tensor/tensor.js';
import { floatWeights, type RecurrentParameters, recurrentParameters } from './recurrent-layer.js';
import { RECURRENT_MODES } from './recurrent-modes.js';
import { RNNBase, type RNNOptions } from './rnn-base.js';

/** h and c, [layers * directions, batch, width] each. */
export type LSTMState = readonly [h: Tensor, c: Tensor];

/** A sequence and, optionally, the states to start from and lengths int32 [batch] -> the output and the last states. */
export type LSTMFunction = (
  x: Tensor,
  state?: LSTMState | null,
  lengths?: Tensor | null,
) => [output: Tensor, state: [h: Tensor, c: Tensor]];

/**
 * Long short-term memory: x [time, batch, inputSize] -> output [time, batch, directions * width of h], and the last h
 * and c. i, f, g, o = W_ih x + b_ih + W_hh h + b_hh; c' = sigmoid(f) c + sigmoid(i) tanh(g); h' = sigmoid(o) tanh(c'),
 * projected by W_hr with `projSize`. Parameters have PyTorch's names and shapes: weight_ih_l0 [4 hidden, in],
 * weight_hh_l0 [4 hidden, width of h], bias_ih_l0, bias_hh_l0, weight_hr_l0, weight_ih_l0_reverse, ...
 */
export class LSTM extends RNNBase<LSTMFunction> {
  [parameter: `weight_${string}` | `bias_${string}`]: Tensor;

  constructor(inputSize: number, hiddenSize: number, options: RNNOptions = {}) {
    super(inputSize, hiddenSize, options);
    for (const { suffix, input } of this.directions) {
      const sizes = { input, hidden: hiddenSize, projection: this.projSize, bias: this.bias };
      Object.assign(this, recurrentParameters(RECURRENT_MODES.lstm, sizes, suffix));
    }
  }

  forward(x: Tensor, state?: LSTMState | null, lengths?: Tensor | null): ReturnType<LSTMFunction> {
    const result = this.run(x, state ?? null, lengths);
    return [result.output, result.state as [Tensor, Tensor]];
  }

  protected runDirection(layer: number, x: Tensor, options: SequenceOptions): Tensor[] {
    return F.lstmLayer(x, this.weights(`_l${layer}${options.reverse ? '_reverse' : ''}`), options);
  }

  /** The weights of a suffix, float32. */
  protected weights(suffix: string): F.RecurrentWeights {
    return floatWeights(this as RecurrentParameters, suffix);
  }
}
