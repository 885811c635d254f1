import { type Dims, type LinearPackedParams, type Module, nn, type Q } from '@octavo/core';
import type { CoverageRow, QConfig } from '@octavo/observers';
import { DynamicQuantizedLinear } from '../dynamic/linear.js';
import { DynamicQuantizedMultiheadAttention } from '../dynamic/multihead-attention.js';
import type { DynamicRange } from '../dynamic/packed-state.js';
import { DynamicQuantizedGRU, DynamicQuantizedLSTM } from '../dynamic/rnn.js';
import { DynamicQuantizedGRUCell, DynamicQuantizedLSTMCell, DynamicQuantizedRNNCell } from '../dynamic/rnn-cells.js';
import { EMBEDDING_SWAPS } from '../embedding/swaps.js';
import { FLOAT16_SWAPS } from '../float16/swaps.js';
import { isExactly, type ModuleClass } from './module-class.js';
import { WEIGHT_DTYPES, type WeightDType } from './weight-dtype.js';

/** Scale and zero point of a module's output. */
export type CodeQParams = Q.OutputQParams;

/** One row: a float class, the class that takes its place, and how. */
export interface Swap<F extends Module = Module, Q extends Module = Module> {
  readonly float: ModuleClass<F>;
  readonly quantized: ModuleClass<Q>;
  /** `output` is what calibration found; undefined in rows that observe nothing. */
  fromFloat(module: F, qconfig: QConfig, output?: CodeQParams): Q;
  /**
   * Whether calibration looks at the module's output to give it a scale and zero point: 'output' by a forward hook,
   * 'itself' where the module shows its results to its observer. Left out by rows that need none.
   */
  readonly observes?: 'output' | 'itself';
  /** What weights become in this row; qint8 where it is not said. */
  readonly dtypes?: readonly WeightDType[];
  /** Multiply-adds for each row of input; left out by look-ups, and where another row of the float class says it. */
  multiplyAdds?(module: F | Q): number;
  /**
   * How many times a call does its `multiplyAdds`, from the dims of the input and the output; once for each row of the
   * output where it is left out. Where it is there, as for the pixels of a convolution, nothing is known without an
   * input.
   */
  positions?(module: F | Q, x: Dims, y: Dims): number;
  /** For reports; 'int8' where it is not said. */
  precision?(module: Q): CoverageRow['precision'];
  /** How the quantized module computes, for reports. */
  describe(module: Q): string;
}

/** What a table of swaps is: float class to quantized class. */
export type SwapTable = readonly Swap[];

const linear: Swap<nn.Linear, DynamicQuantizedLinear> = {
  float: nn.Linear,
  quantized: DynamicQuantizedLinear,
  fromFloat: (module, qconfig) => DynamicQuantizedLinear.fromFloat(module, qconfig),
  multiplyAdds: ({ inFeatures, outFeatures }) => inFeatures * outFeatures,
  describe: (module) => describeDynamic(module, module.packed),
};

/** Its linears are rows of their own in reports. */
const attention: Swap<nn.MultiheadAttention, DynamicQuantizedMultiheadAttention> = {
  float: nn.MultiheadAttention,
  quantized: DynamicQuantizedMultiheadAttention,
  fromFloat: (module, qconfig) => DynamicQuantizedMultiheadAttention.fromFloat(module, qconfig),
  multiplyAdds: ({ embedDim, kdim, vdim }) => embedDim * (embedDim + kdim + vdim),
  describe: () => 'dynamic: int8 projections; heads in float',
};

const lstm: Swap<nn.LSTM, DynamicQuantizedLSTM> = {
  float: nn.LSTM,
  quantized: DynamicQuantizedLSTM,
  fromFloat: (module, qconfig) => DynamicQuantizedLSTM.fromFloat(module, qconfig),
  multiplyAdds: (module) => stepMultiplyAdds(module, 4),
  describe: ({ range, layers }) => describeDynamic(range, layers[0]?.ih),
};

const gru: Swap<nn.GRU, DynamicQuantizedGRU> = {
  float: nn.GRU,
  quantized: DynamicQuantizedGRU,
  fromFloat: (module, qconfig) => DynamicQuantizedGRU.fromFloat(module, qconfig),
  multiplyAdds: (module) => stepMultiplyAdds(module, 3),
  describe: ({ range, layers }) => describeDynamic(range, layers[0]?.ih),
};

const lstmCell: Swap<nn.LSTMCell, DynamicQuantizedLSTMCell> = {
  float: nn.LSTMCell,
  quantized: DynamicQuantizedLSTMCell,
  fromFloat: (module, qconfig) => DynamicQuantizedLSTMCell.fromFloat(module, qconfig),
  multiplyAdds: ({ inputSize, hiddenSize }) => 4 * hiddenSize * (inputSize + hiddenSize),
  describe: ({ range, packed }) => describeDynamic(range, packed.ih),
};

const gruCell: Swap<nn.GRUCell, DynamicQuantizedGRUCell> = {
  float: nn.GRUCell,
  quantized: DynamicQuantizedGRUCell,
  fromFloat: (module, qconfig) => DynamicQuantizedGRUCell.fromFloat(module, qconfig),
  multiplyAdds: ({ inputSize, hiddenSize }) => 3 * hiddenSize * (inputSize + hiddenSize),
  describe: ({ range, packed }) => describeDynamic(range, packed.ih),
};

const rnnCell: Swap<nn.RNNCell, DynamicQuantizedRNNCell> = {
  float: nn.RNNCell,
  quantized: DynamicQuantizedRNNCell,
  fromFloat: (module, qconfig) => DynamicQuantizedRNNCell.fromFloat(module, qconfig),
  multiplyAdds: ({ inputSize, hiddenSize }) => hiddenSize * (inputSize + hiddenSize),
  describe: ({ range, packed }) => describeDynamic(range, packed.ih),
};

/** Of one time step of one sequence: every layer and direction, its gates by x and by h, and the projection. */
function stepMultiplyAdds({ directions, hiddenSize, outputSize, projSize }: nn.RNNBase, gates: number): number {
  const gate = ({ input }: { input: number }): number => gates * hiddenSize * (input + outputSize);
  return directions.reduce((sum, direction) => sum + gate(direction) + hiddenSize * projSize, 0);
}

function describeDynamic({ scheme, reduceRange }: DynamicRange, packed: LinearPackedParams | undefined): string {
  const range = scheme === 'perRow' ? 'a row' : 'a tensor';
  const weights = packed?.weight.axis === null ? 'per tensor' : 'per channel';
  return `dynamic: ${reduceRange ? 7 : 8}-bit activations, one range ${range}; weights ${weights}`;
}

/** The swaps of dynamic quantization: where a module with a form that needs no calibration is added. */
export const DYNAMIC_SWAPS = [
  ...[linear, attention, lstm, gru, lstmCell, gruCell, rnnCell],
  ...FLOAT16_SWAPS,
  ...EMBEDDING_SWAPS,
] as unknown as SwapTable;

/** The row for a float module and what its weights are to become; undefined where it has no such form. */
export function swapFor(
  module: Module,
  table: SwapTable = DYNAMIC_SWAPS,
  dtype?: WeightDType | undefined,
): Swap | undefined {
  return table.find((swap) => (dtype === undefined || makes(swap, dtype)) && isExactly(module, swap.float));
}

function makes({ dtypes = ['qint8'] }: Swap, dtype: WeightDType): boolean {
  return dtypes.includes(dtype);
}

/** The row whose quantized class a module has. */
export function swapThatMade(module: Module, table: SwapTable = DYNAMIC_SWAPS): Swap | undefined {
  return table.find(({ quantized }) => isExactly(module, quantized));
}

/** The row that knows the multiply-adds of a float class. */
export function multiplyAddsRow({ float }: Swap, table: SwapTable = DYNAMIC_SWAPS): Swap | undefined {
  return table.find((swap) => swap.float === float && swap.multiplyAdds !== undefined);
}

/** The float classes whose weights can become `dtype`. */
export function floatClasses(dtype: WeightDType, table: SwapTable = DYNAMIC_SWAPS): ModuleClass[] {
  return table.filter((swap) => makes(swap, dtype)).map(({ float }) => float);
}

/** `Linear, LSTM`: the float classes of a table, for messages. */
export function supportedTypes(table: SwapTable = DYNAMIC_SWAPS, dtype: WeightDType = 'qint8'): string {
  return floatClasses(dtype, table)
    .map(({ name }) => name)
    .join(', ');
}

/** The dtypes that a float class's weights can become. */
export function dtypesOf(float: ModuleClass, table: SwapTable = DYNAMIC_SWAPS): WeightDType[] {
  return WEIGHT_DTYPES.filter((dtype) => floatClasses(dtype, table).includes(float));
}
