import { didYouMean, OctavoError } from '@octavo/core';
import { PRESETS } from './presets.js';
import type { QConfig } from './qconfig.js';

/** The engines of PyTorch that qconfigs are named for. Ours computes all of them. */
export const ENGINES = ['fbgemm', 'x86', 'qnnpack', 'onednn'] as const;

export type Engine = (typeof ENGINES)[number];

/**
 * The static qconfig that PyTorch's engine of that name has by default (`torch.ao.quantization.get_default_qconfig`).
 */
export function getDefaultQConfig(engine: Engine = 'x86'): QConfig {
  return PRESETS[`${checkEngine('getDefaultQConfig', engine)}QConfig`].qconfig;
}

/**
 * The qconfig for training with quantization errors (`torch.ao.quantization.get_default_qat_qconfig`). Version 1 has
 * `FusedMovingAvgObsFakeQuantize`, version 0 `FakeQuantize`.
 */
export function getDefaultQatQConfig(engine: Engine = 'x86', version: 0 | 1 = 1): QConfig {
  if (version !== 0 && version !== 1) {
    throw new OctavoError('INVALID_ARGUMENT', `[getDefaultQatQConfig] version must be 0 or 1, got ${version}`);
  }
  return PRESETS[`${checkEngine('getDefaultQatQConfig', engine)}QatQConfig${version === 1 ? '' : 'V0'}`].qconfig;
}

function checkEngine(where: string, engine: Engine): Engine {
  if (ENGINES.includes(engine)) return engine;
  throw new OctavoError(
    'UNKNOWN_NAME',
    `[${where}] unknown engine '${engine}' (known: ${ENGINES.join(', ')})${didYouMean(String(engine), ENGINES)}`,
    { details: { name: engine, known: ENGINES } },
  );
}
