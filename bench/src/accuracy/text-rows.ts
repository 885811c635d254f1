import { equalizeLayers } from '@octavo/graph';
import {
  defaultPerChannelWeightObserver,
  defineQConfig,
  EntropyObserver,
  getDefaultQConfig,
  MSEObserver,
  PercentileObserver,
  perChannelDynamicQConfig,
  perRowDynamicQConfig,
  staticTransformerQConfig,
  weightOnlyInt4QConfig,
  weightOnlyInt8QConfig,
} from '@octavo/observers';
import {
  corrected,
  dynamic,
  fixed,
  int8Attention,
  linearsAlone,
  type Make,
  rounded,
  smoothed,
  tables,
} from './recipes.js';

const weight = defaultPerChannelWeightObserver;
const fbgemm = getDefaultQConfig('fbgemm');
const onednn = getDefaultQConfig('onednn');
const mse = defineQConfig({ activation: MSEObserver.withArgs({}), weight });
const floatResults = (activation: typeof mse.activation) =>
  fixed(defineQConfig({ activation, weight, floatResults: true }));
const int4 = (groupSize: number) => defineQConfig({ ...weightOnlyInt4QConfig, groupSize });

/** Rows of a text classifier. */
export const TEXT_ROWS: Readonly<Record<string, Make>> = {
  'dynamic perRow': dynamic(perRowDynamicQConfig),
  'dynamic perChannel': dynamic(perChannelDynamicQConfig),
  'dynamic perRow, 8-bit embeddings': dynamic(tables(perRowDynamicQConfig)),
  'dynamic perRow, bias correction': dynamic(perRowDynamicQConfig, corrected),
  'dynamic perRow, AdaRound': dynamic(perRowDynamicQConfig, rounded),
  'dynamic perRow, SmoothQuant': smoothed(dynamic(perRowDynamicQConfig), 'row'),
  'dynamic perRow, int8 attention': int8Attention(dynamic(perRowDynamicQConfig)),
  'dynamic perRow, int8 attention, 8-bit embeddings': int8Attention(dynamic(tables(perRowDynamicQConfig))),
  'fbgemm, all ops': fixed(fbgemm),
  'fbgemm, linears alone': fixed(linearsAlone(fbgemm)),
  'fbgemm, linears with float results': fixed(defineQConfig({ ...fbgemm, floatResults: true })),
  'onednn, all ops': fixed(onednn),
  'onednn, linears alone': fixed(linearsAlone(onednn)),
  'MSE, all ops': fixed(mse),
  'MSE, linears alone': fixed(linearsAlone(mse)),
  'SmoothQuant, MSE, linears alone': smoothed(fixed(linearsAlone(mse))),
  'histogram, float results': fixed(defineQConfig({ ...onednn, floatResults: true })),
  'MSE, float results': floatResults(mse.activation),
  'percentile, float results': floatResults(PercentileObserver.withArgs({})),
  'entropy, float results': floatResults(EntropyObserver.withArgs({})),
  staticTransformer: fixed(staticTransformerQConfig),
  'staticTransformer, equalization': async (float, feeds) =>
    fixed(staticTransformerQConfig)(equalizeLayers(float), feeds),
  'staticTransformer, bias correction': fixed(staticTransformerQConfig, corrected),
  'staticTransformer, AdaRound': fixed(staticTransformerQConfig, rounded),
  'staticTransformer, 8-bit embeddings': fixed(tables(staticTransformerQConfig)),
  'staticTransformer, int8 attention': int8Attention(fixed(staticTransformerQConfig)),
  'SmoothQuant, staticTransformer': smoothed(fixed(staticTransformerQConfig)),
  'SmoothQuant, staticTransformer, bias correction': smoothed(fixed(staticTransformerQConfig, corrected)),
  'SmoothQuant, staticTransformer, AdaRound': smoothed(fixed(staticTransformerQConfig, rounded)),
  'SmoothQuant, staticTransformer, int8 attention': int8Attention(smoothed(fixed(staticTransformerQConfig))),
  'SmoothQuant, staticTransformer, int8 attention, bias correction': int8Attention(
    smoothed(fixed(staticTransformerQConfig, corrected)),
  ),
  'SmoothQuant, staticTransformer, int8 attention, 8-bit embeddings': int8Attention(
    smoothed(fixed(tables(staticTransformerQConfig))),
  ),
  'weights alone, int8': dynamic(weightOnlyInt8QConfig),
  'weights alone, int4, groups of 32': dynamic(int4(32)),
  'weights alone, int4, groups of 64': dynamic(int4(64)),
  'weights alone, int4, groups of 128': dynamic(int4(128)),
};
