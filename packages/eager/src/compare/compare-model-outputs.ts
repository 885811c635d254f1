import type { Module } from '@octavo/core';
import type { ComparisonRow } from '@octavo/observers';
import { Comparisons } from './comparisons.js';
import { eachInputs, type ModelBatches } from './model-inputs.js';
import { twins } from './twins.js';
import { watchCalls } from './watch-calls.js';

/**
 * What every module of a quantized model gives, beside the module at the same path of the float model (PyTorch's
 * `compare_model_outputs`): a row of kind 'activation' a module, in the order in which they run, and rows of kind
 * 'output' for what the models give. Errors of the modules before are in each row; `compareModelStub` has a module's
 * own.
 *
 * `float` is the model as it was prepared: after `fuseModules`, if that was called. Functions of a `FloatFunctional`
 * have a row as well. Memory holds one batch's float values.
 */
export async function compareModelOutputs(
  float: Module,
  quantized: Module,
  batches: ModelBatches,
): Promise<ComparisonRow[]> {
  const pairs = twins(float, quantized).filter(([path, , module]) => path !== '' && isUnit(module));
  const activations = new Comparisons('activation');
  const outputs = new Comparisons('output');
  await eachInputs('compareModelOutputs', batches, (inputs) => {
    const seen = new Map<string, unknown[]>();
    const floats = pairs.map(([path, module]) => [path, module] as const);
    const expected = watched(floats, float, inputs, ({ path, output }) => {
      seen.set(path, [...(seen.get(path) ?? []), output]);
    });
    const ours = pairs.map(([path, , module]) => [path, module] as const);
    const got = watched(ours, quantized, inputs, ({ path, module, output }) => {
      activations.add(path, module.typeName, seen.get(path)?.shift(), output);
    });
    outputs.add('output', quantized.typeName, expected, got);
  });
  return [...activations.rows(), ...outputs.rows()];
}

/** True for modules that compute as one: those without children, and those with weights of their own. */
function isUnit(module: Module): boolean {
  const isLeaf = module.namedChildren().next().done === true;
  return isLeaf || module.namedTensors().next().done !== true;
}

/** Runs a model with calls watched, and takes the watch off whatever happens. */
function watched(
  modules: readonly (readonly [string, Module])[],
  model: Module,
  inputs: readonly unknown[],
  see: Parameters<typeof watchCalls>[1],
): unknown {
  const end = watchCalls(modules, see);
  try {
    return model.call(...inputs);
  } finally {
    end();
  }
}
