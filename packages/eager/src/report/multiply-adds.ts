import { type Dims, type HookHandle, type Module, QuantizedTensor, sizeOf, Tensor } from '@octavo/core';
import { multiplyAddsRow, type Swap, type SwapTable } from '../convert/swap-table.js';

/** How many times a module did its `multiplyAdds`. */
export type Positions = ReadonlyMap<Module, number>;

/** Runs a model once and counts the rows and pixels that its modules compute. */
export function countPositions(
  model: Module,
  inputs: readonly unknown[],
  rowOf: (module: Module) => Swap | undefined,
): Positions {
  const positions = new Map<Module, number>();
  const hooks: HookHandle[] = [];
  for (const module of new Set([...model.namedModules()].map(([, each]) => each))) {
    const row = rowOf(module);
    if (row === undefined) continue;
    positions.set(module, 0);
    const count = (_module: Module, given: readonly unknown[], output: unknown): void => {
      const [x, y] = [dimsOf(given[0]), dimsOf(Array.isArray(output) ? output[0] : output)];
      const done = row.positions?.(module, x, y) ?? sizeOf(y.slice(0, -1));
      positions.set(module, (positions.get(module) as number) + done);
    };
    hooks.push(module.registerForwardHook(count));
  }
  try {
    model.call(...inputs);
  } finally {
    for (const hook of hooks) hook.remove();
  }
  return positions;
}

/**
 * Multiply-adds of a module: of all counted positions, or for each row of input; undefined where they are not known.
 */
export function multiplyAddsOf(
  module: Module,
  swap: Swap | undefined,
  table: SwapTable,
  counted: Positions | undefined,
): number | undefined {
  const row = swap && multiplyAddsRow(swap, table);
  if (row?.multiplyAdds === undefined || (counted === undefined && row.positions !== undefined)) return undefined;
  return row.multiplyAdds(module) * (counted?.get(module) ?? 1);
}

function dimsOf(value: unknown): Dims {
  if (QuantizedTensor.is(value)) return value.dims;
  return Tensor.is(value) ? value.raw.dims : [];
}
