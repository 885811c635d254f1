import { didYouMean, OctavoError } from '@octavo/core';
import { PlaceholderObserver } from '../placeholder.js';
import * as parts from './default-observers.js';
import { defineQConfig, type QConfig } from './qconfig.js';

/** One preset: its names, what it is for, and its observers. */
export interface Preset {
  /** Short names, for the command line. */
  readonly aliases: readonly string[];
  /** 'dynamic': activation ranges at run time. 'static': by calibration. 'weightOnly': activations stay float. */
  readonly scheme: 'dynamic' | 'static' | 'weightOnly';
  readonly summary: string;
  readonly qconfig: QConfig;
}

const float16 = PlaceholderObserver.withArgs({ dtype: 'float16' });

/** One row a preset: where a new one is added. Names are PyTorch's in camelCase, but for our own. */
const ROWS = {
  perRowDynamicQConfig: {
    aliases: ['perRow'],
    scheme: 'dynamic',
    summary: '8-bit activations, one range a row; one weight scale a channel. The default.',
    activation: parts.perRowDynamicQuantObserver,
    weight: parts.defaultPerChannelWeightObserver,
  },
  defaultDynamicQConfig: {
    aliases: ['default'],
    scheme: 'dynamic',
    summary: "PyTorch's: 7-bit activations, one range a tensor; one weight scale a tensor.",
    activation: parts.defaultDynamicQuantObserver,
    weight: parts.defaultWeightObserver,
  },
  perChannelDynamicQConfig: {
    aliases: ['perChannel'],
    scheme: 'dynamic',
    summary: "PyTorch's: 7-bit activations, one range a tensor; one weight scale a channel.",
    activation: parts.defaultDynamicQuantObserver,
    weight: parts.defaultPerChannelWeightObserver,
  },
  float16DynamicQConfig: {
    aliases: ['float16'],
    scheme: 'dynamic',
    summary: "PyTorch's: float16 weights, float32 arithmetic.",
    activation: float16.withArgs({ isDynamic: true }),
    weight: float16,
  },
  floatQParamsWeightOnlyQConfig: {
    aliases: [],
    scheme: 'weightOnly',
    summary: "PyTorch's, for embeddings: 8-bit rows with float zero points.",
    activation: PlaceholderObserver.withArgs({ dtype: 'float32' }),
    weight: parts.defaultFloatQParamsObserver,
  },
  defaultQConfig: {
    aliases: [],
    scheme: 'static',
    summary: "PyTorch's: min and max, 7-bit activations; one weight scale a tensor.",
    activation: parts.defaultObserver,
    weight: parts.defaultWeightObserver,
  },
  defaultPerChannelQConfig: {
    aliases: [],
    scheme: 'static',
    summary: "PyTorch's: min and max, 7-bit activations; one weight scale a channel.",
    activation: parts.defaultObserver,
    weight: parts.defaultPerChannelWeightObserver,
  },
  floatQParamsWeightOnlyQConfig4Bit: {
    aliases: [],
    scheme: 'weightOnly',
    summary: "PyTorch's, for embeddings: 4-bit rows with float zero points.",
    activation: PlaceholderObserver.withArgs({ dtype: 'float32' }),
    weight: parts.defaultFloatQParamsObserver4Bit,
  },
} as const;

type PresetName = keyof typeof ROWS;

/** Every preset by canonical name. */
export const PRESETS = Object.fromEntries(
  Object.entries(ROWS).map(([name, { aliases, scheme, summary, activation, weight }]) => [
    name,
    Object.freeze({ aliases, scheme, summary, qconfig: defineQConfig({ name, activation, weight }) }),
  ]),
) as unknown as Readonly<Record<PresetName, Preset>>;

/** Our default: 8-bit activations with one range a row, per-channel weights. */
export const perRowDynamicQConfig = PRESETS.perRowDynamicQConfig.qconfig;
export const defaultDynamicQConfig = PRESETS.defaultDynamicQConfig.qconfig;
export const perChannelDynamicQConfig = PRESETS.perChannelDynamicQConfig.qconfig;
export const float16DynamicQConfig = PRESETS.float16DynamicQConfig.qconfig;
export const floatQParamsWeightOnlyQConfig = PRESETS.floatQParamsWeightOnlyQConfig.qconfig;
export const floatQParamsWeightOnlyQConfig4Bit = PRESETS.floatQParamsWeightOnlyQConfig4Bit.qconfig;
export const defaultQConfig = PRESETS.defaultQConfig.qconfig;
export const defaultPerChannelQConfig = PRESETS.defaultPerChannelQConfig.qconfig;

/** Qconfigs by canonical and by short name: `QCONFIGS.perRow` is `perRowDynamicQConfig`. */
export const QCONFIGS: Readonly<Record<string, QConfig>> = Object.freeze(
  Object.fromEntries(
    Object.entries(PRESETS).flatMap(([name, { aliases, qconfig }]) => [name, ...aliases].map((key) => [key, qconfig])),
  ),
);

/** The qconfig of a canonical or short name, as a command line gives it; its `name` is the canonical one. */
export function qconfigByName(name: string): QConfig {
  const qconfig = Object.hasOwn(QCONFIGS, name) ? QCONFIGS[name] : undefined;
  if (qconfig !== undefined) return qconfig;
  const short = Object.values(PRESETS).flatMap(({ aliases }) => aliases);
  throw new OctavoError(
    'UNKNOWN_NAME',
    `unknown qconfig '${name}' (known: ${short.join(', ')} and the full names of presets)${didYouMean(name, Object.keys(QCONFIGS))}`,
    { details: { name, known: Object.keys(QCONFIGS) } },
  );
}
