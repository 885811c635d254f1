import { referenceBackend, withBackend } from '@octavo/core';
import { perChannelDynamicQConfig, perRowDynamicQConfig } from '@octavo/observers';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { quantizeDynamic, trace, verify } from '../../src/index.js';
import { LOWER_PASSES } from '../../src/passes/index.js';
import { interpret } from '../interpret.js';
import { bits } from '../models.js';
import { modelOf, randomInput, steps } from '../random-models.js';

const sizes = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  length: fc.integer({ min: 1, max: 5 }),
  seed: fc.nat(1000),
});

it('float: a lowered random graph has the bits of eager, at another shape than it was traced with', () => {
  withBackend(referenceBackend, () => {
    fc.assert(
      fc.property(steps, sizes, (list, { batch, length, seed }) => {
        const model = modelOf(list);
        const graph = verify(trace(model, { x: randomInput(2, 3, 1) }));
        const x = randomInput(batch, length, seed);
        const [eager, run] = [model(x), graph.run({ x })];
        expect(bits(run.last)).toEqual(bits(eager.last));
        expect(bits(run.other)).toEqual(bits(eager.other));
      }),
      { numRuns: 150 },
    );
  });
});

it.each([
  ['per row', perRowDynamicQConfig],
  ['per tensor', perChannelDynamicQConfig],
])('int8 and debug, %s: lowering has the bits of the printed graph', (_, qconfig) => {
  withBackend(referenceBackend, () => {
    fc.assert(
      fc.property(steps, sizes, fc.boolean(), (list, { batch, length, seed }, debug) => {
        const graph = quantizeDynamic(trace(modelOf(list), { x: randomInput(1, 4, 2) }), { '': qconfig }, { debug });
        verify(graph);
        const x = randomInput(batch, length, seed);
        const [plain, run] = [interpret(graph, { x }), graph.run({ x })];
        expect(bits(run.last)).toEqual(bits(plain.last));
        expect(bits(run.other)).toEqual(bits(plain.other));
      }),
      { numRuns: 100 },
    );
  });
});

it('every lowering pass keeps a valid graph and its results, and changes nothing a second time', () => {
  withBackend(referenceBackend, () => {
    fc.assert(
      fc.property(steps, fc.boolean(), (list, debug) => {
        const x = randomInput(2, 3, 5);
        let graph = quantizeDynamic(trace(modelOf(list), { x }), { '': perRowDynamicQConfig }, { debug });
        const expected = interpret(graph, { x });
        for (const pass of LOWER_PASSES) {
          graph = verify(pass(graph.clone()));
          expect(verify(pass(graph.clone())).print()).toBe(graph.print());
          const results = interpret(graph, { x });
          expect(bits(results.last)).toEqual(bits(expected.last));
          expect(bits(results.other)).toEqual(bits(expected.other));
        }
      }),
      { numRuns: 60 },
    );
  });
});
