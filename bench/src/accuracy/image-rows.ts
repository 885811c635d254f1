import { equalizeLayers } from '@octavo/graph';
import {
  defaultPerChannelWeightObserver,
  defineQConfig,
  EntropyObserver,
  getDefaultQConfig,
  HistogramObserver,
  MinMaxObserver,
  MSEObserver,
  type ObserverFactory,
  PercentileObserver,
  perChannelWeightObserverRangeNeg127To127,
  staticImageQConfig,
  weightObserverRangeNeg127To127,
} from '@octavo/observers';
import { corrected, fixed, type Make, roundedByImages } from './recipes.js';

const weight = defaultPerChannelWeightObserver;
const fbgemm = getDefaultQConfig('fbgemm');
const onednn = getDefaultQConfig('onednn');
const qnnpack = getDefaultQConfig('qnnpack');
const ranges = (activation: ObserverFactory, ...steps: Parameters<typeof fixed>[1][]) =>
  fixed(defineQConfig({ activation, weight }), ...steps);
/** PyTorch's symmetric qnnpack presets with activations as quint8: the same scales, every zero point 128 higher. */
const symmetric = (weights: ObserverFactory) =>
  fixed(
    defineQConfig({ activation: HistogramObserver.withArgs({ reduceRange: false, eps: 2 ** -12 }), weight: weights }),
  );
const equalized =
  (make: Make, replaceRelu6: boolean): Make =>
  (float, feeds) =>
    make(equalizeLayers(float, { replaceRelu6 }), feeds);

/** Rows of an image classifier. */
export const IMAGE_ROWS: Readonly<Record<string, Make>> = {
  'fbgemm and x86, 7 bits': fixed(fbgemm),
  onednn: fixed(onednn),
  qnnpack: fixed(qnnpack),
  'symmetric qnnpack': symmetric(weightObserverRangeNeg127To127),
  'symmetric qnnpack, per channel': symmetric(perChannelWeightObserverRangeNeg127To127),
  'min and max': ranges(MinMaxObserver.withArgs({ reduceRange: false })),
  MSE: ranges(MSEObserver.withArgs({})),
  percentile: ranges(PercentileObserver.withArgs({})),
  entropy: ranges(EntropyObserver.withArgs({})),
  'fbgemm, kernel sums kept': fixed(defineQConfig({ ...fbgemm, keepKernelSums: true })),
  staticImage: fixed(staticImageQConfig),
  'staticImage, bias correction': fixed(staticImageQConfig, corrected),
  'fbgemm, bias correction': fixed(fbgemm, corrected),
  'onednn, bias correction': fixed(onednn, corrected),
  'MSE, bias correction': ranges(MSEObserver.withArgs({}), corrected),
  'qnnpack, bias correction': fixed(qnnpack, corrected),
  'staticImage, AdaRound': fixed(staticImageQConfig, roundedByImages),
  'staticImage, AdaRound, bias correction': fixed(staticImageQConfig, roundedByImages, corrected),
  'fbgemm, AdaRound': fixed(fbgemm, roundedByImages),
  'onednn, AdaRound': fixed(onednn, roundedByImages),
  'qnnpack, equalization': equalized(fixed(qnnpack), false),
  'qnnpack, equalization, relu6 replaced': equalized(fixed(qnnpack), true),
  'qnnpack, equalization, relu6 replaced, bias correction': equalized(fixed(qnnpack, corrected), true),
  'onednn, equalization': equalized(fixed(onednn), false),
};
