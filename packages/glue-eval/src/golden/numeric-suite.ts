import { F, nn } from '@octavo/core';
import { compareModelOutputs, compareModelStub, compareWeights, FloatFunctional, FusedConv } from '@octavo/eager';
import { type ComparisonRow, getDefaultQConfig, sqnr } from '@octavo/observers';
import type { GoldenCase, GoldenValue } from './golden-case.js';
import type { GoldenOperator } from './golden-operator.js';
import { calibratedCnn } from './modules.js';
import { tensorOf } from './qparams.js';

// The numeric suite: the CNN is calibrated and compared here, by the functions that users call.

const cnn = (golden: GoldenCase) => calibratedCnn(golden, getDefaultQConfig('fbgemm'));

/** The SQNR of every row, by the key that PyTorch has for it; each that the case stores must be there. */
function ratios(
  { outputs }: GoldenCase,
  rows: readonly ComparisonRow[],
  keyOf: (name: string) => string,
): Record<string, GoldenValue> {
  const found = Object.fromEntries(rows.map((row) => [`sqnr.${keyOf(row.name)}`, row.sqnr]));
  const missing = Object.keys(outputs).find((role) => role.startsWith('sqnr.') && !(role in found));
  if (missing !== undefined) throw new Error(`${missing} has no row; there are ${Object.keys(found).join(', ')}`);
  return found;
}

const stats = (name: string): string => `${name}.stats`;

export const numericSuiteOperators: Readonly<Record<string, GoldenOperator>> = {
  sqnr: (golden) => ({ sqnr: sqnr(tensorOf(golden, 'x'), tensorOf(golden, 'y')) }),
  compare_weights: (golden) => {
    const { fused, int8 } = cnn(golden);
    const rows = compareWeights(fused, int8);
    return ratios(golden, rows, (name) => (name === 'fc.weight' ? 'fc._packed_params._packed_params' : name));
  },
  compare_model_outputs: async (golden) => {
    const { fused, int8 } = cnn(golden);
    return ratios(golden, await compareModelOutputs(fused, int8, [tensorOf(golden, 'x')]), stats);
  },
  compare_model_stub: async (golden) => {
    const { fused, int8 } = cnn(golden);
    const types = [FusedConv, nn.Conv2d, nn.Linear, FloatFunctional];
    // PyTorch's shadow loggers keep a list of images; the case has the first.
    const first = F.slice(tensorOf(golden, 'x'), 0, 0, 1);
    return ratios(golden, await compareModelStub(fused, int8, types, [first]), stats);
  },
};
