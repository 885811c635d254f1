import { nn, type StateDict, type Tensor } from '@octavo/core';
import type { QConfig } from '@octavo/observers';
import { type DynamicRange, dynamicAttrs, dynamicRange, rangeFromState, rangeState } from './packed-state.js';
import {
  type DynamicRecurrentConfig,
  dynamicLayer,
  emptyLayer,
  layerFromState,
  layerState,
  type PackedRecurrentLayer,
  packLayer,
  recurrentAttrs,
} from './recurrent-weights.js';

/** Enough to build a quantized cell that a state dict fills. */
export interface DynamicQuantizedCellConfig extends DynamicRecurrentConfig {
  readonly inputSize: number;
  readonly hiddenSize: number;
}

type Sizes = Pick<nn.RNNCellBase, 'inputSize' | 'hiddenSize'>;

/** PyTorch's names of the packed weights (`RNNCellBase._save_to_state_dict`). */
const PREFIXES = ['_packed_weight_ih.', '_packed_weight_hh.'] as const;

/**
 * What quantized cells share (PyTorch, torch/ao/nn/quantized/dynamic/modules/rnn.py): int8 weights, float32 biases,
 * gates and states; x and h are quantized at each call. Its state dict: `_packed_weight_ih.weight` int8
 * [gates * hidden, in], `.weight_scales`, `.weight_zero_points`, `.bias`, the same of `_packed_weight_hh`, and `scheme`
 * and `reduce_range`, as in `DynamicQuantizedLinear`.
 */
// biome-ignore lint/suspicious/noExplicitAny: a subclass types its own forward.
abstract class DynamicQuantizedCell<F extends (...inputs: any[]) => unknown> extends nn.RNNCellBase<F> {
  packed: PackedRecurrentLayer;
  range: DynamicRange;

  constructor({ inputSize, hiddenSize }: Sizes, packed: PackedRecurrentLayer, range: DynamicRange) {
    super(inputSize, hiddenSize);
    this.packed = packed;
    this.range = range;
  }

  get config(): DynamicQuantizedCellConfig {
    const { inputSize, hiddenSize, packed, range } = this;
    return { inputSize, hiddenSize, perChannel: packed.ih.weight.axis !== null, ...dynamicAttrs(range) };
  }

  override ownState(): StateDict {
    return { ...rangeState('', this.range), ...layerState(PREFIXES, this.packed) };
  }

  override loadOwnState(given: StateDict): void {
    const state = { ...this.ownState(), ...given };
    this.packed = layerFromState(this.typeName, state, PREFIXES, this.packed);
    this.range = rangeFromState(this.typeName, state, '');
  }

  protected linears(): nn.RecurrentLayer {
    return dynamicLayer(this.packed, this.range);
  }
}

/** An `nn.LSTMCell` with int8 weights; inputs, outputs and states are float32, as there. */
export class DynamicQuantizedLSTMCell extends DynamicQuantizedCell<nn.LSTMCellFunction> {
  /** The int8 form of a float cell, by a dynamic qconfig. One without biases is refused. */
  static fromFloat(cell: nn.LSTMCell, qconfig: QConfig): DynamicQuantizedLSTMCell {
    return new DynamicQuantizedLSTMCell(cell, ...packCell(cell, qconfig));
  }

  /** Zeros that a state dict is loaded into. */
  static fromConfig(config: DynamicQuantizedCellConfig): DynamicQuantizedLSTMCell {
    return new DynamicQuantizedLSTMCell(config, ...emptyCell(config, 4));
  }

  forward(x: Tensor, state?: readonly [h: Tensor, c: Tensor] | null): [h: Tensor, c: Tensor] {
    return this.run(x, state ?? null) as [Tensor, Tensor];
  }

  override get typeName(): string {
    return 'DynamicQuantizedLSTMCell';
  }

  protected get mode(): nn.RecurrentMode {
    return nn.RECURRENT_MODES.lstm;
  }
}

/** An `nn.GRUCell` with int8 weights; inputs, outputs and states are float32, as there. */
export class DynamicQuantizedGRUCell extends DynamicQuantizedCell<nn.HiddenCellFunction> {
  /** The int8 form of a float cell, by a dynamic qconfig. One without biases is refused. */
  static fromFloat(cell: nn.GRUCell, qconfig: QConfig): DynamicQuantizedGRUCell {
    return new DynamicQuantizedGRUCell(cell, ...packCell(cell, qconfig));
  }

  /** Zeros that a state dict is loaded into. */
  static fromConfig(config: DynamicQuantizedCellConfig): DynamicQuantizedGRUCell {
    return new DynamicQuantizedGRUCell(config, ...emptyCell(config, 3));
  }

  forward(x: Tensor, h?: Tensor | null): Tensor {
    return this.run(x, h ? [h] : null)[0] as Tensor;
  }

  override get typeName(): string {
    return 'DynamicQuantizedGRUCell';
  }

  protected get mode(): nn.RecurrentMode {
    return nn.RECURRENT_MODES.gru;
  }
}

/** Enough to build a quantized RNNCell that a state dict fills. */
export interface DynamicQuantizedRNNCellConfig extends DynamicQuantizedCellConfig {
  readonly nonlinearity: nn.Nonlinearity;
}

/** An `nn.RNNCell` with int8 weights; inputs, outputs and states are float32, as there. */
export class DynamicQuantizedRNNCell extends DynamicQuantizedCell<nn.HiddenCellFunction> {
  readonly nonlinearity: nn.Nonlinearity;

  constructor(sizes: Sizes & { nonlinearity: nn.Nonlinearity }, packed: PackedRecurrentLayer, range: DynamicRange) {
    super(sizes, packed, range);
    this.nonlinearity = sizes.nonlinearity;
  }

  /** The int8 form of a float cell, by a dynamic qconfig. One without biases is refused. */
  static fromFloat(cell: nn.RNNCell, qconfig: QConfig): DynamicQuantizedRNNCell {
    return new DynamicQuantizedRNNCell(cell, ...packCell(cell, qconfig));
  }

  /** Zeros that a state dict is loaded into. */
  static fromConfig(config: DynamicQuantizedRNNCellConfig): DynamicQuantizedRNNCell {
    // The float cell checks the nonlinearity that a file names.
    const { inputSize, hiddenSize, nonlinearity } = config;
    const float = nn.skipInit(() => new nn.RNNCell(inputSize, hiddenSize, { nonlinearity }));
    return new DynamicQuantizedRNNCell(float, ...emptyCell(config, 1));
  }

  override get config(): DynamicQuantizedRNNCellConfig {
    return { ...super.config, nonlinearity: this.nonlinearity };
  }

  forward(x: Tensor, h?: Tensor | null): Tensor {
    return this.run(x, h ? [h] : null)[0] as Tensor;
  }

  override extraRepr(): string {
    return super.extraRepr() + (this.nonlinearity === 'tanh' ? '' : `, nonlinearity=${this.nonlinearity}`);
  }

  override get typeName(): string {
    return 'DynamicQuantizedRNNCell';
  }

  protected get mode(): nn.RecurrentMode {
    return nn.RECURRENT_MODES[this.nonlinearity];
  }
}

function packCell(cell: nn.LSTMCell | nn.GRUCell | nn.RNNCell, qconfig: QConfig): [PackedRecurrentLayer, DynamicRange] {
  const attrs = recurrentAttrs(cell, qconfig);
  return [packLayer(cell as never, '', qconfig), dynamicRange(attrs)];
}

function emptyCell(
  { inputSize, hiddenSize, perChannel, scheme, reduceRange }: DynamicQuantizedCellConfig,
  gates: number,
): [PackedRecurrentLayer, DynamicRange] {
  const layer = emptyLayer(gates * hiddenSize, inputSize, hiddenSize, perChannel);
  return [layer, dynamicRange({ scheme, reduceRange })];
}
