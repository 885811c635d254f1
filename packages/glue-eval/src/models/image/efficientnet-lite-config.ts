import { OctavoError } from '@octavo/core';
import type { Preprocess } from '../../image/preprocess.js';
import { efficientNetLitePreprocess } from '../../image/presets.js';
import { RESAMPLE_FILTERS, type ResampleFilterName } from '../../image/resample-filter.js';
import {
  isCount,
  isIndex,
  isRate,
  type Json,
  type NumberCheck,
  numberOf,
  numbersOf,
  objectOf,
} from '../config-values.js';

/** A convolution, its batch norm and what follows. */
export interface ConvConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: number;
  readonly stride: number;
  /** [top, left, bottom, right]: TensorFlow's SAME pads more at the end where it cannot pad evenly. */
  readonly padding: readonly number[];
}

/** One inverted residual block. */
export interface BlockConfig extends ConvConfig {
  /** How many times wider the block is inside. */
  readonly expandRatio: number;
  /** Whether the block's input is added to its output. */
  readonly residual: boolean;
}

/** What an EfficientNet-Lite is made of: its config.json, checked. */
export interface EfficientNetLiteConfig {
  readonly classes: number;
  readonly eps: number;
  readonly stem: ConvConfig;
  readonly blocks: readonly BlockConfig[];
  readonly head: ConvConfig;
}

/** Settings of which one value is built. */
const FIXED: readonly [key: string, supported: unknown][] = [
  ['activation', 'relu6'],
  ['squeeze_excite', false],
  ['pooling', 'global_average'],
];

/**
 * Reads the config.json of an EfficientNet-Lite: the layers as they are written there, and the preprocessing.
 *
 * @throws OctavoError INVALID_FILE for values of a wrong kind, UNSUPPORTED for settings that are not built.
 */
export function readEfficientNetLiteConfig(
  json: Json,
  file: string,
): { readonly config: EfficientNetLiteConfig; readonly preprocess: Preprocess } {
  for (const [key, supported] of FIXED) {
    const value = json[key] ?? supported;
    if (value !== supported) {
      throw new OctavoError('UNSUPPORTED', `${file}: ${key} '${value}' is not supported; only '${supported}' is`);
    }
  }
  const blocks = json.blocks;
  if (!Array.isArray(blocks) || blocks.length === 0) {
    throw new OctavoError('INVALID_FILE', `${file}: blocks must be a list of at least one block`);
  }
  const config: EfficientNetLiteConfig = {
    classes: numberOf(json, 'num_labels', file, isCount),
    eps: numberOf(objectOf(json, 'batch_norm', file), 'eps', `${file}: batch_norm`, isRate),
    stem: convOf(objectOf(json, 'stem', file), 'padding', `${file}: stem`),
    blocks: blocks.map((block, i) => blockOf(block, `${file}: blocks.${i}`)),
    head: convOf(objectOf(json, 'head', file), 'padding', `${file}: head`),
  };
  checkChannels(config, file);
  return { config, preprocess: preprocessOf(json, file) };
}

function convOf(json: Json, paddingKey: string, where: string): ConvConfig {
  return {
    inChannels: numberOf(json, 'in_channels', where, isCount),
    outChannels: numberOf(json, 'out_channels', where, isCount),
    kernel: numberOf(json, 'kernel_size', where, isCount),
    stride: numberOf(json, 'stride', where, isCount),
    padding: numbersOf(json, paddingKey, where, isIndex, 4),
  };
}

function blockOf(block: unknown, where: string): BlockConfig {
  const json = objectOf({ block }, 'block', where);
  return {
    ...convOf(json, 'depthwise_padding', where),
    expandRatio: numberOf(json, 'expand_ratio', where, isCount),
    residual: json.residual === true,
  };
}

/**
 * Each layer must take what the one before it gives: a mistake here would show as a shape error deep in the network.
 */
function checkChannels({ stem, blocks, head }: EfficientNetLiteConfig, file: string): void {
  let channels = stem.outChannels;
  for (const [name, layer] of [...blocks.entries(), ['head', head] as const]) {
    if (layer.inChannels === channels) {
      channels = layer.outChannels;
      continue;
    }
    const where = typeof name === 'number' ? `blocks.${name}` : name;
    throw new OctavoError(
      'INVALID_FILE',
      `${file}: ${where}: in_channels must be ${channels}, what the layer before gives, got ${layer.inChannels}`,
    );
  }
}

const isValue: NumberCheck = { expected: 'a number', test: Number.isFinite };
const isSpread: NumberCheck = { expected: 'a positive number', test: (n) => Number.isFinite(n) && n > 0 };

/** What the config says, where it says something, else the family's own. */
function preprocessOf(json: Json, file: string): Preprocess {
  const size = numberOf(json, 'image_size', file, isCount);
  if (json.preprocessing === undefined) return efficientNetLitePreprocess(size);
  const where = `${file}: preprocessing`;
  const given = objectOf(json, 'preprocessing', file);
  const filter = given.interpolation;
  if (typeof filter !== 'string' || !Object.hasOwn(RESAMPLE_FILTERS, filter)) {
    throw new OctavoError(
      'UNSUPPORTED',
      `${where}: interpolation '${String(filter)}' is not supported; ${Object.keys(RESAMPLE_FILTERS).join(' and ')} are`,
    );
  }
  return {
    steps: [
      { step: 'centerCropFraction', fraction: numberOf(given, 'center_crop_fraction', where, isRate) },
      { step: 'resize', size, filter: filter as ResampleFilterName },
    ],
    size,
    divisor: 1,
    mean: numbersOf(given, 'mean', where, isValue, 3) as [number, number, number],
    std: numbersOf(given, 'std', where, isSpread, 3) as [number, number, number],
  };
}
