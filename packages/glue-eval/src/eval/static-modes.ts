import * as eager from '@octavo/eager';
import type { QConfig } from '@octavo/observers';
import type { CalibrationRun, ModeTable } from './modes.js';
import { eagerRunner } from './runners.js';

/** How image classifiers are run: quantized with ranges that a calibration has seen. */
export const STATIC_MODES: ModeTable = {
  float: {
    quantized: false,
    open: async (model) => eagerRunner(model),
  },
  eager: {
    quantized: true,
    async open(model, { qconfig, calibration }) {
      const { fusionInputs, run } = calibration as CalibrationRun;
      const fused = eager.fuseModules(model, { inputs: fusionInputs });
      const prepared = eager.prepare(fused, { qconfig: qconfig as QConfig });
      await run(prepared);
      return eagerRunner(eager.convert(prepared));
    },
    load: async (file) => eagerRunner(await eager.loadQuantized(file)),
  },
};
