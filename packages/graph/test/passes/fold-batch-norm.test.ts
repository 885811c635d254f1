import { F, referenceBackend, Tensor, withBackend } from '@octavo/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { trace, verify } from '../../src/index.js';
import { foldBatchNorm } from '../../src/passes/fold-batch-norm.js';
import { interpret } from '../interpret.js';
import { floats, floatsOf } from '../models.js';

const RUNS = { numRuns: process.env.OCTAVO_TEST_LONG ? 2000 : 200 };
/** Half the distance from 1 to the next float32. */
const U = 2 ** -24;

const layer = fc.record({
  inputs: fc.integer({ min: 1, max: 40 }),
  outputs: fc.integer({ min: 1, max: 12 }),
  rows: fc.integer({ min: 1, max: 4 }),
  scale: fc.constantFrom(0.01, 1, 30),
  eps: fc.constantFrom(1e-5, 1e-3),
  hasBias: fc.boolean(),
  seed: fc.nat(10_000),
});

const magnitudes = (x: Tensor): Tensor => new Tensor('float32', floatsOf(x).map(Math.abs), x.dims);

/**
 * With s = gamma / sqrt(variance + eps) and K inputs, both forms sum s w x + s (b - mean) + beta. A dot product of K
 * roundings errs by at most K u S, where S is the sum of |w x| (Higham, Accuracy and Stability of Numerical Algorithms,
 * 3.1), its bias by one more; the norm by five (sum with eps, root, two quotients or products, sum). Folding rounds s
 * as often and each product s w once more before it sums. So they differ by at most 2 (K + 8) u times the same sum of
 * magnitudes: |s| (S + |b| + |mean|) + |beta|, up to terms in u^2, for which one more K is far too much.
 */
it('folding a batch norm changes results by no more than its roundings allow', () => {
  withBackend(referenceBackend, () => {
    fc.assert(
      fc.property(layer, ({ inputs, outputs, rows, scale, eps, hasBias, seed }) => {
        const x = floats([rows, inputs], seed, scale);
        const weight = floats([outputs, inputs], seed + 1, 0.5);
        const bias = hasBias ? floats([outputs], seed + 2) : null;
        const [mean, gamma, beta] = [3, 4, 5].map((more) => floats([outputs], seed + more)) as [Tensor, Tensor, Tensor];
        const variance = F.mul(floats([outputs], seed + 6), floats([outputs], seed + 6));
        const graph = trace(
          (input: Tensor) => F.batchNorm(F.linear(input, weight, bias), mean, variance, gamma, beta, eps),
          {
            x,
          },
        );
        const before = floatsOf(interpret(graph, { x }).output);
        const folded = verify(foldBatchNorm(graph.clone()));
        expect(folded.print()).not.toContain('batch_norm');
        const after = floatsOf(interpret(folded, { x }).output);
        const sums = floatsOf(F.linear(magnitudes(x), magnitudes(weight)));
        before.forEach((value, i) => {
          const o = i % outputs;
          const at = (tensor: Tensor | null): number => Math.abs(Number(tensor?.data[o] ?? 0));
          const s = at(gamma) / Math.sqrt(at(variance) + eps);
          const magnitude = s * ((sums[i] as number) + at(bias) + at(mean)) + at(beta);
          expect(Math.abs((after[i] as number) - value)).toBeLessThanOrEqual((3 * inputs + 16) * U * magnitude);
        });
      }),
      RUNS,
    );
  });
});
