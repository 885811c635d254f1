import {
  adaRound,
  type Feeds as Batch,
  calibrate,
  convert,
  correctBias,
  type Graph,
  prepare,
  prepareDynamic,
  quantizeAttention,
  smoothQuant,
} from '@octavo/graph';
import { floatQParamsWeightOnlyQConfig, type QConfig, QConfigMapping } from '@octavo/observers';

// The parts that rows are made of.

export type Feeds = readonly Batch[];
/** How a graph is made of the float one and of feeds to calibrate with. */
export type Make = (float: Graph, feeds: Feeds) => Graph | Promise<Graph>;
/** A step between `calibrate` and `convert`. */
export type Step = (prepared: Graph, feeds: Feeds) => Promise<Graph>;

export const rounded: Step = (prepared, feeds) => adaRound(prepared, feeds);
/** Images have thousands of pixels: half of them show as many as a layer looks at. */
export const roundedByImages: Step = (prepared, feeds) => adaRound(prepared, feeds, { examples: 32 });
export const corrected: Step = (prepared, feeds) => correctBias(prepared, feeds);

/** Static: prepare, calibrate, the steps, convert. */
export function fixed(qconfigs: QConfig | QConfigMapping, ...steps: Step[]): Make {
  return async (float, feeds) => {
    let prepared = await calibrate(prepare(float, mapping(qconfigs)), feeds);
    for (const step of steps) prepared = await step(prepared, feeds);
    return convert(prepared);
  };
}

/** Dynamic, and weights alone: prepareDynamic, the steps, convert. */
export function dynamic(qconfigs: QConfig | QConfigMapping, ...steps: Step[]): Make {
  return async (float, feeds) => {
    let prepared = prepareDynamic(float, mapping(qconfigs));
    for (const step of steps) prepared = await step(prepared, feeds);
    return convert(prepared);
  };
}

/** `ranges`: what the linears of `make` take one range for. */
export function smoothed(make: Make, ranges: 'tensor' | 'row' = 'tensor'): Make {
  return async (float, feeds) => make(await smoothQuant(float, feeds, { ranges }), feeds);
}

export function int8Attention(make: Make): Make {
  return async (float, feeds) => quantizeAttention(await make(float, feeds));
}

export const linearsAlone = (qconfig: QConfig) => new QConfigMapping().setObjectType('Linear', qconfig);
/** With 8-bit embeddings besides. */
export const tables = (qconfig: QConfig) => mapping(qconfig).setObjectType('Embedding', floatQParamsWeightOnlyQConfig);

function mapping(qconfigs: QConfig | QConfigMapping): QConfigMapping {
  return QConfigMapping.is(qconfigs) ? qconfigs : new QConfigMapping().setGlobal(qconfigs);
}
