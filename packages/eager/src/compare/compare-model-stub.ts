import { type Module, OctavoError } from '@octavo/core';
import type { ComparisonRow } from '@octavo/observers';
import { isExactly, type ModuleClass } from '../convert/module-class.js';
import { Comparisons } from './comparisons.js';
import { eachInputs, type ModelBatches } from './model-inputs.js';
import { twinsWithParts } from './twins.js';
import { dequantized } from './values.js';
import { type ModuleCall, watchCalls } from './watch-calls.js';

/**
 * Each quantized module's own error (PyTorch's `compare_model_stub` and its shadow modules): whenever one is called,
 * its float twin, the module at the same path of the float model, is called with the same dequantized inputs, and their
 * results are compared; the model goes on with the quantized one. One row of kind 'shadow' a module.
 *
 * `moduleTypes`: classes, float or quantized, of the modules to shadow (`[FusedConv, nn.Linear, FloatFunctional]`);
 * null for all that conversion replaced. A list that finds none is an UNKNOWN_NAME error. `float` is the model as it
 * was prepared.
 */
export async function compareModelStub(
  float: Module,
  quantized: Module,
  moduleTypes: readonly ModuleClass[] | null,
  batches: ModelBatches,
): Promise<ComparisonRow[]> {
  const shadows = shadowsOf(float, quantized, moduleTypes);
  const comparisons = new Comparisons('shadow');
  const modules = shadows.map(([path, , module]) => [path, module] as const);
  const floats = new Map(shadows.map(([path, twin]) => [path, twin]));
  const shadow = ({ path, module, method, inputs, output }: ModuleCall): void => {
    const twin = floats.get(path) as unknown as Record<string, (...inputs: unknown[]) => unknown>;
    const expected = twin[method]?.(...inputs.map(dequantized));
    comparisons.add(path, module.typeName, expected, output);
  };
  await eachInputs('compareModelStub', batches, (inputs) => {
    const end = watchCalls(modules, shadow);
    try {
      quantized.call(...inputs);
    } finally {
      end();
    }
  });
  return comparisons.rows();
}

function shadowsOf(
  float: Module,
  quantized: Module,
  types: readonly ModuleClass[] | null,
): [path: string, float: Module, quantized: Module][] {
  const replaced = twinsWithParts(float, quantized).filter(
    ([, twin, module]) => twin.constructor !== module.constructor,
  );
  if (types === null) return replaced;
  const found = replaced.filter(([, twin, module]) =>
    types.some((type) => isExactly(twin, type) || isExactly(module, type)),
  );
  if (found.length > 0) return found;
  const asked = types.map(({ name }) => name).join(', ') || 'no class at all';
  const known = [...new Set(replaced.map(([, twin]) => twin.constructor.name))].join(', ') || 'none';
  throw new OctavoError(
    'UNKNOWN_NAME',
    `[compareModelStub] ${quantized.typeName} has no quantized form of ${asked}; it has those of ${known}. Is the float model the one that was prepared?`,
  );
}
