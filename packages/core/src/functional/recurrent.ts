import { dispatch } from '../ops/dispatch.js';
import { DYNAMIC_SCHEMES, type DynamicScheme } from '../ops/linear-dynamic.js';
import type { OpDef, Operand } from '../ops/op-def.js';
import { RECURRENT_LAYER_OPS } from '../ops/recurrent-layer.js';
import type { LinearPackedParams } from '../tensor/linear-packed-params.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Float } from './run.js';

/** Float weights of one direction of one layer, gates stacked: weightIh [gates * hidden, in], weightHh [gates * hidden, h]. */
export interface RecurrentWeights {
  readonly weightIh: Tensor;
  readonly weightHh: Tensor;
  readonly biasIh?: Tensor | null | undefined;
  readonly biasHh?: Tensor | null | undefined;
  /** LSTM's projection of h, [width, hidden]. */
  readonly weightHr?: Tensor | null | undefined;
}

/** The same with int8 weights and their biases. */
export interface PackedRecurrentWeights {
  readonly ih: LinearPackedParams;
  readonly hh: LinearPackedParams;
}

/** How a layer runs over a sequence. */
export interface SequenceOptions {
  /** From the last time step to the first. */
  readonly reverse?: boolean | undefined;
  /** int32 [batch]: the steps that each sequence has. Beyond them outputs are 0 and states stay. Default: all. */
  readonly lengths?: Tensor | null | undefined;
  /** States to start from, [batch, width] each; zeros where left out. */
  readonly h?: Tensor | null | undefined;
  readonly c?: Tensor | null | undefined;
}

/** How dynamic layers take ranges. */
export interface RecurrentRange {
  readonly scheme?: DynamicScheme;
  readonly reduceRange?: boolean;
}

/** What a plain RNN makes of its sum. */
export type RNNNonlinearity = 'tanh' | 'relu';

const [lstm, gru, lstmDynamic, gruDynamic, rnnTanh, rnnRelu, rnnTanhDynamic, rnnReluDynamic] = RECURRENT_LAYER_OPS as [
  OpDef,
  OpDef,
  OpDef,
  OpDef,
  OpDef,
  OpDef,
  OpDef,
  OpDef,
];
const RNN = { tanh: rnnTanh, relu: rnnRelu };
const RNN_DYNAMIC = { tanh: rnnTanhDynamic, relu: rnnReluDynamic };

function layer(op: OpDef, inputs: readonly (Operand | null | undefined)[], attrs: Record<string, number>): Float[] {
  return dispatch(
    op,
    inputs.map((operand) => operand ?? null),
    attrs,
  ) as Float[];
}

const order = ({ reverse = false }: SequenceOptions) => ({ reverse: reverse ? 1 : 0 });
const range = ({ scheme = 'perRow', reduceRange = false }: RecurrentRange) => ({
  scheme: DYNAMIC_SCHEMES[scheme],
  reduceRange: reduceRange ? 1 : 0,
});

/** One direction of one LSTM layer: x [time, batch, in] -> y [time, batch, width], the last h [batch, width] and c [batch, hidden]. */
export function lstmLayer(x: Tensor, weights: RecurrentWeights, options: SequenceOptions = {}): [Float, Float, Float] {
  const { weightIh, weightHh, biasIh, biasHh, weightHr } = weights;
  const { lengths, h, c } = options;
  const inputs = [x, weightIh, weightHh, biasIh, biasHh, weightHr, lengths, h, c];
  return layer(lstm, inputs, order(options)) as [Float, Float, Float];
}

/** One direction of one GRU layer: x [time, batch, in] -> y [time, batch, hidden] and the last h [batch, hidden]. */
export function gruLayer(x: Tensor, weights: RecurrentWeights, options: SequenceOptions = {}): [Float, Float] {
  const { weightIh, weightHh, biasIh, biasHh } = weights;
  const inputs = [x, weightIh, weightHh, biasIh, biasHh, options.lengths, options.h];
  return layer(gru, inputs, order(options)) as [Float, Float];
}

/** One direction of one layer of h' = nonlinearity(x W + h R): x [time, batch, in] -> y [time, batch, hidden] and the last h [batch, hidden]. */
export function rnnLayer(
  x: Tensor,
  weights: RecurrentWeights,
  options: SequenceOptions & { readonly nonlinearity?: RNNNonlinearity | undefined } = {},
): [Float, Float] {
  const { weightIh, weightHh, biasIh, biasHh } = weights;
  const inputs = [x, weightIh, weightHh, biasIh, biasHh, options.lengths, options.h];
  return layer(RNN[options.nonlinearity ?? 'tanh'], inputs, order(options)) as [Float, Float];
}

/** `lstmLayer` over int8 weights: x is quantized as a whole or by rows, h at each step. */
export function lstmLayerDynamic(
  x: Tensor,
  { ih, hh }: PackedRecurrentWeights,
  options: SequenceOptions & RecurrentRange = {},
): [Float, Float, Float] {
  const inputs = [x, ih, hh, options.lengths, options.h, options.c];
  return layer(lstmDynamic, inputs, { ...order(options), ...range(options) }) as [Float, Float, Float];
}

/** `gruLayer` over int8 weights; see `lstmLayerDynamic`. */
export function gruLayerDynamic(
  x: Tensor,
  { ih, hh }: PackedRecurrentWeights,
  options: SequenceOptions & RecurrentRange = {},
): [Float, Float] {
  return layer(gruDynamic, [x, ih, hh, options.lengths, options.h], { ...order(options), ...range(options) }) as [
    Float,
    Float,
  ];
}

/** `rnnLayer` over int8 weights; see `lstmLayerDynamic`. */
export function rnnLayerDynamic(
  x: Tensor,
  { ih, hh }: PackedRecurrentWeights,
  options: SequenceOptions & RecurrentRange & { readonly nonlinearity?: RNNNonlinearity | undefined } = {},
): [Float, Float] {
  const attrs = { ...order(options), ...range(options) };
  return layer(RNN_DYNAMIC[options.nonlinearity ?? 'tanh'], [x, ih, hh, options.lengths, options.h], attrs) as [
    Float,
    Float,
  ];
}
