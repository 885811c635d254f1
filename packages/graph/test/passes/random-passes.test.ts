import { referenceBackend, withBackend } from '@octavo/core';
import { getDefaultQConfig, resolveQConfig } from '@octavo/observers';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { calibrate, convert, type Graph, type Pass, prepare, trace, verify } from '../../src/index.js';
import { CONVERT_PASSES, FREEZE_PASSES, importPasses, LOWER_PASSES, PREPARE_PASSES } from '../../src/passes/index.js';
import { insertStaticObservers } from '../../src/passes/insert-static-observers.js';
import { insertWeightObservers } from '../../src/passes/insert-weight-observers.js';
import { packWeightOnly } from '../../src/passes/weight-only-linears.js';
import { interpret } from '../interpret.js';
import { bits } from '../models.js';
import { modelOf, randomInput, steps } from '../random-models.js';

const runs = (long: number, short: number) => ({ numRuns: process.env.OCTAVO_TEST_LONG ? long : short });
const TIMEOUT = 600_000;

/** The graph after a pass, which must be valid and stay as it is when the pass runs again. */
function applied(pass: Pass, graph: Graph): Graph {
  const after = verify(pass(graph.clone()));
  expect(verify(pass(after.clone())).print()).toBe(after.print());
  return after;
}

const qconfig = getDefaultQConfig('fbgemm');
const imported = importPasses(({ type }) => (type.kind === 'tensor' ? type.dims : null));

// The batch norms of random models fold without rounding, so that every pass must keep every bit.
it(
  'every pass over float graphs keeps the bits of random graphs, and changes nothing a second time',
  () => {
    withBackend(referenceBackend, () => {
      fc.assert(
        fc.property(steps, (list) => {
          const x = randomInput(2, 3, 5);
          let graph = trace(modelOf(list), { x });
          const qconfigs = resolveQConfig({ '': qconfig }, graph.modules);
          const expected = interpret(graph, { x });
          const expectSame = (results: ReturnType<typeof interpret>): void => {
            expect(bits(results.last)).toEqual(bits(expected.last));
            expect(bits(results.other)).toEqual(bits(expected.other));
          };
          for (const pass of [...imported, ...PREPARE_PASSES]) {
            graph = applied(pass, graph);
            expectSame(interpret(graph, { x }));
          }
          for (const pass of [insertWeightObservers(qconfigs), insertStaticObservers(qconfigs)])
            graph = applied(pass, graph);
          for (const pass of LOWER_PASSES) {
            graph = applied(pass, graph);
            expectSame(interpret(graph, { x }));
          }
        }),
        runs(2000, 100),
      );
    });
  },
  TIMEOUT,
);

it(
  'every pass of static conversion leaves a valid graph and changes nothing a second time; lowering keeps its bits',
  async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const x = randomInput(2, 3, 5);
        const prepared = prepare(trace(modelOf(list), { x }), { '': qconfig });
        if (prepared.observers.size > 0) await calibrate(prepared, [{ x }, { x: randomInput(3, 4, 6) }]);
        let graph = prepared;
        for (const pass of [packWeightOnly, ...CONVERT_PASSES, ...FREEZE_PASSES]) graph = applied(pass, graph);
        const converted = convert(prepared);
        expect(graph.print()).toBe(converted.print());
        const expected = interpret(converted, { x });
        for (const pass of LOWER_PASSES) {
          graph = applied(pass, graph);
          const results = interpret(graph, { x });
          expect(bits(results.last)).toEqual(bits(expected.last));
          expect(bits(results.other)).toEqual(bits(expected.other));
        }
      }),
      runs(2000, 100),
    );
  },
  TIMEOUT,
);
