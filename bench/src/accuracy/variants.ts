import type { Tensor } from '@octavo/core';
import {
  adaRound,
  calibrate,
  convert,
  correctBias,
  type Graph,
  prepare,
  prepareDynamic,
  quantize,
  quantizeAttention,
  quantizeDynamic,
  smoothQuant,
} from '@octavo/graph';
import {
  defaultPerChannelWeightObserver,
  defineQConfig,
  floatQParamsWeightOnlyQConfig,
  getDefaultQConfig,
  MSEObserver,
  PercentileObserver,
  perRowDynamicQConfig,
  type QConfig,
  QConfigMapping,
  staticTransformerQConfig,
} from '@octavo/observers';

type Feeds = readonly Record<string, Tensor>[];
/** How a graph is made of the float one and of feeds to calibrate with. */
type Make = (float: Graph, feeds: Feeds) => Graph | Promise<Graph>;
/** A step between `calibrate` and `convert`. */
type Step = (prepared: Graph, feeds: Feeds) => Promise<Graph>;

const weight = defaultPerChannelWeightObserver;
const mse = defineQConfig({ activation: MSEObserver.withArgs({}), weight });
const linearsAlone = (qconfig: QConfig) => new QConfigMapping().setObjectType('Linear', qconfig);
const tables = (qconfig: QConfig) =>
  new QConfigMapping().setGlobal(qconfig).setObjectType('Embedding', floatQParamsWeightOnlyQConfig);

/** Static: prepare, calibrate, the steps, convert. */
function fixed(qconfigs: QConfig | QConfigMapping, ...steps: Step[]): Make {
  return async (float, feeds) => {
    const spec = QConfigMapping.is(qconfigs) ? qconfigs : new QConfigMapping().setGlobal(qconfigs);
    let prepared = await calibrate(prepare(float, spec), feeds);
    for (const step of steps) prepared = await step(prepared, feeds);
    return convert(prepared);
  };
}

/** The float emulation of a static graph: int8 results to rounding, at float's speed. */
function emulated(qconfigs: QConfig | QConfigMapping): Make {
  const spec = QConfigMapping.is(qconfigs) ? qconfigs : new QConfigMapping().setGlobal(qconfigs);
  return (float, feeds) => quantize(float, spec, calibrate, [feeds], { debug: true });
}

function smoothed(make: Make): Make {
  return async (float, feeds) => make(await smoothQuant(float, feeds), feeds);
}

function int8Attention(make: Make): Make {
  return async (float, feeds) => quantizeAttention(await make(float, feeds));
}

const dynamic =
  (qconfigs: QConfigMapping, ...steps: Step[]): Make =>
  async (float, feeds) => {
    let prepared = prepareDynamic(float, qconfigs);
    for (const step of steps) prepared = await step(prepared, feeds);
    return convert(prepared);
  };
const perRow = new QConfigMapping().setGlobal(perRowDynamicQConfig);
const rounded: Step = (prepared, feeds) => adaRound(prepared, feeds);
const corrected: Step = (prepared, feeds) => correctBias(prepared, feeds);

/** Every row of the table. */
export const VARIANTS: Readonly<Record<string, Make>> = {
  'dynamic perRow': dynamic(perRow),
  'dynamic perRow, 8-bit embeddings': dynamic(tables(perRowDynamicQConfig)),
  'dynamic perRow, AdaRound': dynamic(perRow, rounded),
  'dynamic perRow, int8 attention': int8Attention((float) => quantizeDynamic(float, { '': perRowDynamicQConfig })),
  'fbgemm, all ops': emulated(getDefaultQConfig('fbgemm')),
  'fbgemm, linears alone': emulated(linearsAlone(getDefaultQConfig('fbgemm'))),
  '8-bit MSE, all ops': emulated(mse),
  '8-bit MSE, linears alone': emulated(linearsAlone(mse)),
  'SmoothQuant, 8-bit MSE, linears alone': smoothed(emulated(linearsAlone(mse))),
  'float results, 8-bit MSE': fixed(defineQConfig({ ...mse, floatResults: true })),
  'float results, 8-bit percentile': fixed(
    defineQConfig({ activation: PercentileObserver.withArgs({}), weight, floatResults: true }),
  ),
  staticTransformer: fixed(staticTransformerQConfig),
  'staticTransformer, bias correction': fixed(staticTransformerQConfig, corrected),
  'staticTransformer, AdaRound': fixed(staticTransformerQConfig, rounded),
  'SmoothQuant, staticTransformer': smoothed(fixed(staticTransformerQConfig)),
  'SmoothQuant, staticTransformer, bias correction': smoothed(fixed(staticTransformerQConfig, corrected)),
  'SmoothQuant, staticTransformer, AdaRound': smoothed(fixed(staticTransformerQConfig, rounded)),
  'SmoothQuant, staticTransformer, int8 attention': int8Attention(smoothed(fixed(staticTransformerQConfig))),
  'SmoothQuant, staticTransformer, int8 attention, 8-bit embeddings': int8Attention(
    smoothed(fixed(tables(staticTransformerQConfig))),
  ),
};
