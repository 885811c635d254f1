import { type Backend, referenceBackend, withBackend } from '@octavo/core';
import { createNativeBackend, supportedIsas } from '@octavo/kernels-native';
import { perChannelDynamicQConfig, perRowDynamicQConfig } from '@octavo/observers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quantizeDynamic, trace } from '../../src/index.js';
import { bits } from '../models.js';
import { modelOf, randomInput, steps } from '../random-models.js';

/** A native backend for every instruction set of this machine; none where the addon is not built. */
function nativeBackends(): Backend[] {
  try {
    return supportedIsas().map((isa) => createNativeBackend({ isa }));
  } catch {
    return [];
  }
}

const backends = nativeBackends();

describe.skipIf(backends.length === 0)('native kernels', () => {
  it.each(backends.map((backend) => [backend.isa, backend] as const))(
    '%s gives random graphs the bits of the reference: float, int8 and debug',
    (_, backend) => {
      const sizes = fc.record({
        batch: fc.integer({ min: 1, max: 3 }),
        length: fc.integer({ min: 1, max: 5 }),
        seed: fc.nat(1000),
      });
      fc.assert(
        fc.property(steps, sizes, fc.boolean(), fc.boolean(), (list, { batch, length, seed }, perRow, debug) => {
          const float = trace(modelOf(list), { x: randomInput(1, 2, 3) });
          const qconfig = perRow ? perRowDynamicQConfig : perChannelDynamicQConfig;
          const x = randomInput(batch, length, seed);
          for (const graph of [float, quantizeDynamic(float, { '': qconfig }, { debug })]) {
            const expected = withBackend(referenceBackend, () => graph.run({ x }));
            const native = withBackend(backend, () => graph.run({ x }));
            expect(bits(native.last)).toEqual(bits(expected.last));
            expect(bits(native.other)).toEqual(bits(expected.other));
            graph.dispose();
          }
        }),
        { numRuns: 60 },
      );
    },
  );
});
