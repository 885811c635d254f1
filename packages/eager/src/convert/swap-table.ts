import { type Module, nn } from '@octavo/core';
import type { QConfig } from '@octavo/observers';
import { DynamicQuantizedLinear } from '../dynamic/linear.js';
import { isExactly, type ModuleClass } from './module-class.js';

/** One row: a float class, the class that takes its place, and how. */
export interface Swap<F extends Module = Module, Q extends Module = Module> {
  readonly float: ModuleClass<F>;
  readonly quantized: ModuleClass<Q>;
  fromFloat(module: F, qconfig: QConfig): Q;
  /** Multiply-adds for each row of input. */
  multiplyAdds(module: F | Q): number;
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
  describe: ({ scheme, reduceRange, weight }) => {
    const range = scheme === 'perRow' ? 'a row' : 'a tensor';
    const weights = weight.axis === null ? 'per tensor' : 'per channel';
    return `dynamic: ${reduceRange ? 7 : 8}-bit activations, one range ${range}; weights ${weights}`;
  },
};

/** The swaps of dynamic quantization: where a module with a dynamic int8 form is added. */
export const DYNAMIC_SWAPS: SwapTable = [linear as unknown as Swap];

/** The row for a float module, or undefined where it has no quantized form. */
export function swapFor(module: Module, table: SwapTable = DYNAMIC_SWAPS): Swap | undefined {
  return table.find(({ float }) => isExactly(module, float));
}

/** The row whose quantized class a module has. */
export function swapThatMade(module: Module, table: SwapTable = DYNAMIC_SWAPS): Swap | undefined {
  return table.find(({ quantized }) => isExactly(module, quantized));
}

/** `Linear, LSTM`: the float classes of a table, for messages. */
export function supportedTypes(table: SwapTable = DYNAMIC_SWAPS): string {
  return table.map(({ float }) => float.name).join(', ');
}
