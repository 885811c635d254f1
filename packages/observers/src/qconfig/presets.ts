import { didYouMean, OctavoError } from '@octavo/core';
import { PRESET_ROWS } from './preset-rows.js';
import { defineQConfig, type QConfig } from './qconfig.js';

/** One preset: its names, what it is for, and its observers. */
export interface Preset {
  /** Short names, for the command line. */
  readonly aliases: readonly string[];
  /**
   * 'dynamic': activation ranges at run time. 'static': by calibration. 'weightOnly': activations stay float.
   * 'qat': training with quantization errors.
   */
  readonly scheme: 'dynamic' | 'static' | 'weightOnly' | 'qat';
  readonly summary: string;
  readonly qconfig: QConfig;
}

type PresetName = keyof typeof PRESET_ROWS;

/** Every preset by canonical name. */
export const PRESETS = Object.fromEntries(
  Object.entries(PRESET_ROWS).map(([name, { aliases, scheme, summary, ...parts }]) => [
    name,
    Object.freeze({ aliases, scheme, summary, qconfig: defineQConfig({ name, ...parts }) }),
  ]),
) as unknown as Readonly<Record<PresetName, Preset>>;

/** Our default: 8-bit activations with one range a row, per-channel weights. */
export const perRowDynamicQConfig = PRESETS.perRowDynamicQConfig.qconfig;
export const defaultDynamicQConfig = PRESETS.defaultDynamicQConfig.qconfig;
export const perChannelDynamicQConfig = PRESETS.perChannelDynamicQConfig.qconfig;
export const float16DynamicQConfig = PRESETS.float16DynamicQConfig.qconfig;
export const floatQParamsWeightOnlyQConfig = PRESETS.floatQParamsWeightOnlyQConfig.qconfig;
/** Linears of 8-bit weights, and of 4-bit weights in groups of 32 inputs, with float arithmetic. */
export const weightOnlyInt8QConfig = PRESETS.weightOnlyInt8QConfig.qconfig;
export const weightOnlyInt4QConfig = PRESETS.weightOnlyInt4QConfig.qconfig;
export const defaultQConfig = PRESETS.defaultQConfig.qconfig;
export const defaultPerChannelQConfig = PRESETS.defaultPerChannelQConfig.qconfig;
export const floatQParamsWeightOnlyQConfig4Bit = PRESETS.floatQParamsWeightOnlyQConfig4Bit.qconfig;
/** For transformers: int8 linears with static 8-bit ranges and float32 results. */
export const staticTransformerQConfig = PRESETS.staticTransformerQConfig.qconfig;
/** For convolutional networks: static 8-bit ranges, weights rounded to keep the sums of kernels. */
export const staticImageQConfig = PRESETS.staticImageQConfig.qconfig;
export const defaultSymmetricQnnpackQConfig = PRESETS.defaultSymmetricQnnpackQConfig.qconfig;
export const defaultPerChannelSymmetricQnnpackQConfig = PRESETS.defaultPerChannelSymmetricQnnpackQConfig.qconfig;
export const defaultQuint8WeightQConfig = PRESETS.defaultQuint8WeightQConfig.qconfig;
export const float16StaticQConfig = PRESETS.float16StaticQConfig.qconfig;
export const defaultReuseInputQConfig = PRESETS.defaultReuseInputQConfig.qconfig;
export const defaultDebugQConfig = PRESETS.defaultDebugQConfig.qconfig;
export const defaultQatQConfig = PRESETS.defaultQatQConfig.qconfig;
export const defaultQatQConfigV2 = PRESETS.defaultQatQConfigV2.qconfig;
export const defaultDynamicQatQConfig = PRESETS.defaultDynamicQatQConfig.qconfig;
export const defaultWeightOnlyQConfig = PRESETS.defaultWeightOnlyQConfig.qconfig;
export const defaultActivationOnlyQConfig = PRESETS.defaultActivationOnlyQConfig.qconfig;
export const defaultEmbeddingQatQConfig = PRESETS.defaultEmbeddingQatQConfig.qconfig;
export const defaultEmbeddingQatQConfig4Bit = PRESETS.defaultEmbeddingQatQConfig4Bit.qconfig;
export const defaultSymmetricQnnpackQatQConfig = PRESETS.defaultSymmetricQnnpackQatQConfig.qconfig;
export const defaultPerChannelSymmetricQnnpackQatQConfig = PRESETS.defaultPerChannelSymmetricQnnpackQatQConfig.qconfig;

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
