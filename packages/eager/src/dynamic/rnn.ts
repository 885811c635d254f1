import { F, nn, type StateDict, type Tensor } from '@octavo/core';
import type { QConfig } from '@octavo/observers';
import { type DynamicRange, dynamicAttrs, dynamicRange, rangeFromState, rangeState } from './packed-state.js';
import {
  type DynamicRecurrentConfig,
  emptyLayer,
  layerFromState,
  layerState,
  type PackedRecurrentLayer,
  packLayer,
  recurrentAttrs,
} from './recurrent-weights.js';

/** Enough to build a quantized LSTM or GRU that a state dict fills. */
export interface DynamicQuantizedRNNConfig extends DynamicRecurrentConfig {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
}

/** What the float and the quantized module have in common. */
type Sizes = Pick<nn.RNNBase, 'inputSize' | 'hiddenSize' | 'options'>;

/**
 * What quantized LSTM and GRU share (PyTorch, torch/ao/nn/quantized/dynamic/modules/rnn.py): int8 weights, float32
 * biases, gates and states; the input of a layer is quantized once for the whole sequence, h at each step.
 *
 * Its state dict has PyTorch's `_all_weight_values.<i>.param`, layers and directions in their order, but tensors in
 * place of its object: `.ih.weight` int8 [gates * hidden, in], `.ih.weight_scales`, `.ih.weight_zero_points`,
 * `.ih.bias`, `.hh.weight` ..., and once `scheme` and `reduce_range`, as in `DynamicQuantizedLinear`.
 */
// biome-ignore lint/suspicious/noExplicitAny: a subclass types its own forward.
abstract class DynamicQuantizedRNN<F extends (...inputs: any[]) => unknown> extends nn.RNNBase<F> {
  /** Layers and directions in the order of the states. */
  layers: readonly PackedRecurrentLayer[];
  range: DynamicRange;

  constructor({ inputSize, hiddenSize, options }: Sizes, layers: readonly PackedRecurrentLayer[], range: DynamicRange) {
    super(inputSize, hiddenSize, { ...options, bias: true, projSize: 0 });
    this.layers = layers;
    this.range = range;
  }

  get config(): DynamicQuantizedRNNConfig {
    const { inputSize, hiddenSize, numLayers, batchFirst, dropout, bidirectional } = this;
    const perChannel = this.layers[0]?.ih.weight.axis !== null;
    return {
      ...{ inputSize, hiddenSize, numLayers, batchFirst, dropout, bidirectional, perChannel },
      ...dynamicAttrs(this.range),
    };
  }

  override ownState(): StateDict {
    const state = rangeState('', this.range);
    this.layers.forEach((layer, i) => void Object.assign(state, layerState(prefixes(i), layer)));
    return state;
  }

  override loadOwnState(given: StateDict): void {
    const state = { ...this.ownState(), ...given };
    this.layers = this.layers.map((layer, i) => layerFromState(this.typeName, state, prefixes(i), layer));
    this.range = rangeFromState(this.typeName, state, '');
  }

  /** The weights of one direction of a layer. */
  protected weights(layer: number, reverse = false): PackedRecurrentLayer {
    return this.layers[this.bidirectional ? 2 * layer + (reverse ? 1 : 0) : layer] as PackedRecurrentLayer;
  }
}

function prefixes(i: number): [ih: string, hh: string] {
  return [`_all_weight_values.${i}.param.ih.`, `_all_weight_values.${i}.param.hh.`];
}

/** An `nn.LSTM` with int8 weights; inputs, outputs and states are float32, as there. */
export class DynamicQuantizedLSTM extends DynamicQuantizedRNN<nn.LSTMFunction> {
  /** The int8 form of a float LSTM, by a dynamic qconfig. One without biases, or with projections, is refused. */
  static fromFloat(lstm: nn.LSTM, qconfig: QConfig): DynamicQuantizedLSTM {
    const range = dynamicRange(recurrentAttrs(lstm, qconfig));
    return new DynamicQuantizedLSTM(lstm, packAll(lstm, qconfig), range);
  }

  /** Zeros that a state dict is loaded into. */
  static fromConfig(config: DynamicQuantizedRNNConfig): DynamicQuantizedLSTM {
    return fromConfig(config, nn.LSTM, DynamicQuantizedLSTM);
  }

  forward(x: Tensor, state?: nn.LSTMState | null, lengths?: Tensor | null): ReturnType<nn.LSTMFunction> {
    const result = this.run(x, state ?? null, lengths);
    return [result.output, result.state as [Tensor, Tensor]];
  }

  override get typeName(): string {
    return 'DynamicQuantizedLSTM';
  }

  protected runDirection(layer: number, x: Tensor, options: F.SequenceOptions): Tensor[] {
    return F.lstmLayerDynamic(x, this.weights(layer, options.reverse), { ...options, ...this.range });
  }
}

/** An `nn.GRU` with int8 weights; inputs, outputs and states are float32, as there. */
export class DynamicQuantizedGRU extends DynamicQuantizedRNN<nn.GRUFunction> {
  /** The int8 form of a float GRU, by a dynamic qconfig. One without biases is refused. */
  static fromFloat(gru: nn.GRU, qconfig: QConfig): DynamicQuantizedGRU {
    const range = dynamicRange(recurrentAttrs(gru, qconfig));
    return new DynamicQuantizedGRU(gru, packAll(gru, qconfig), range);
  }

  /** Zeros that a state dict is loaded into. */
  static fromConfig(config: DynamicQuantizedRNNConfig): DynamicQuantizedGRU {
    return fromConfig(config, nn.GRU, DynamicQuantizedGRU);
  }

  forward(x: Tensor, h?: Tensor | null, lengths?: Tensor | null): ReturnType<nn.GRUFunction> {
    const { output, state } = this.run(x, h ? [h] : null, lengths);
    return [output, state[0] as Tensor];
  }

  override get typeName(): string {
    return 'DynamicQuantizedGRU';
  }

  protected runDirection(layer: number, x: Tensor, options: F.SequenceOptions): Tensor[] {
    return F.gruLayerDynamic(x, this.weights(layer, options.reverse), { ...options, ...this.range });
  }
}

function packAll(rnn: nn.LSTM | nn.GRU, qconfig: QConfig): PackedRecurrentLayer[] {
  return rnn.directions.map(({ suffix }) => packLayer(rnn as never, suffix, qconfig));
}

/** A module of zeros, its sizes taken from a float twin that costs no random numbers. */
function fromConfig<M>(
  { inputSize, hiddenSize, perChannel, scheme, reduceRange, ...options }: DynamicQuantizedRNNConfig,
  Float: typeof nn.LSTM | typeof nn.GRU,
  Quantized: new (sizes: Sizes, layers: readonly PackedRecurrentLayer[], range: DynamicRange) => M,
): M {
  const twin = nn.skipInit(() => new Float(inputSize, hiddenSize, options));
  const gates = Float === nn.LSTM ? 4 : 3;
  const layers = twin.directions.map(({ input }) => emptyLayer(gates * hiddenSize, input, hiddenSize, perChannel));
  return new Quantized(twin, layers, dynamicRange({ scheme, reduceRange }));
}
