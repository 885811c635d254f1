import type { Module } from '@octavo/core';
import type { QConfig } from '@octavo/observers';
import { DYNAMIC_SWAPS, type SwapTable, swapFor } from './swap-table.js';
import { weightDTypeOf } from './weight-dtype.js';

/**
 * The quantized form of one float module, or the module itself where the table has none or the qconfig is null
 * (PyTorch, `swap_module`). Hooks and the training flag go along.
 */
export function swapModule(module: Module, qconfig: QConfig | null, table: SwapTable = DYNAMIC_SWAPS): Module {
  const swap = qconfig === null ? undefined : swapFor(module, table, weightDTypeOf(qconfig));
  if (swap === undefined || qconfig === null) return module;
  const quantized = swap.fromFloat(module, qconfig);
  quantized.training = module.training;
  for (const hook of module.forwardPreHooks) quantized.registerForwardPreHook(hook);
  for (const hook of module.forwardHooks) quantized.registerForwardHook(hook);
  return quantized;
}
