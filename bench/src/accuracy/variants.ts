import type { Tensor } from '@octavo/core';
import { calibrate, type Graph, quantize, quantizeAttention, quantizeDynamic, smoothQuant } from '@octavo/graph';
import {
  defaultPerChannelWeightObserver,
  defineQConfig,
  floatQParamsWeightOnlyQConfig,
  getDefaultQConfig,
  MinMaxObserver,
  MSEObserver,
  PercentileObserver,
  perRowDynamicQConfig,
  type QConfig,
  QConfigMapping,
  staticTransformerQConfig,
} from '@octavo/observers';

type Feeds = Record<string, Tensor>;
/** How a graph is made of the float one and of feeds to calibrate with. */
type Make = (float: Graph, feeds: readonly Feeds[]) => Graph | Promise<Graph>;

const whole =
  (qconfig: QConfig): Make =>
  (float, feeds) =>
    quantize(float, { '': qconfig }, calibrate, [feeds]);
const linears =
  (qconfig: QConfig): Make =>
  (float, feeds) =>
    quantize(float, new QConfigMapping().setObjectType('Linear', qconfig), calibrate, [feeds]);
const weight = defaultPerChannelWeightObserver;
const mse = defineQConfig({ activation: MSEObserver.withArgs({}), weight });
const minMax = defineQConfig({ activation: MinMaxObserver.withArgs({}), weight });
const transformer = (activation: QConfig['activation']): QConfig =>
  defineQConfig({ activation, weight, floatResults: true });
const smoothed =
  (make: Make): Make =>
  async (float, feeds) =>
    make(await smoothQuant(float, feeds), feeds);

/** Every row of the table. */
export const VARIANTS: Readonly<Record<string, Make>> = {
  'dynamic, perRow': (float) => quantizeDynamic(float, { '': perRowDynamicQConfig }),
  'dynamic, perRow, 8-bit embeddings': (float) => quantizeDynamic(float, embeddings(perRowDynamicQConfig)),
  'dynamic, perRow, int8 attention': (float) => quantizeAttention(quantizeDynamic(float, { '': perRowDynamicQConfig })),
  'static, linears, fbgemm': linears(getDefaultQConfig('fbgemm')),
  'static, linears, 8-bit min and max': linears(minMax),
  'static, linears, 8-bit MSE': linears(mse),
  'static, everything, fbgemm': whole(getDefaultQConfig('fbgemm')),
  'static, everything, 8-bit MSE': whole(mse),
  'static, float results, 8-bit min and max': whole(transformer(MinMaxObserver.withArgs({}))),
  'static, float results, 8-bit percentile': whole(transformer(PercentileObserver.withArgs({}))),
  staticTransformer: whole(staticTransformerQConfig),
  'SmoothQuant + min and max': smoothed(whole(transformer(MinMaxObserver.withArgs({})))),
  'SmoothQuant + staticTransformer': smoothed(whole(staticTransformerQConfig)),
  'SmoothQuant + staticTransformer + int8 attention': async (float, feeds) =>
    quantizeAttention(await smoothed(whole(staticTransformerQConfig))(float, feeds)),
  'SmoothQuant + staticTransformer + int8 attention + 8-bit embeddings': async (float, feeds) =>
    quantizeAttention(
      await quantize(await smoothQuant(float, feeds), embeddings(staticTransformerQConfig), calibrate, [feeds]),
    ),
  'SmoothQuant, linears, 8-bit MSE': smoothed(linears(mse)),
};

function embeddings(qconfig: QConfig): QConfigMapping {
  return new QConfigMapping().setGlobal(qconfig).setObjectType('Embedding', floatQParamsWeightOnlyQConfig);
}
