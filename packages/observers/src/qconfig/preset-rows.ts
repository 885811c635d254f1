import { FakeQuantize, type FakeQuantizeOptions } from '../fake-quantize/fake-quantize.js';
import { FusedMovingAvgObsFakeQuantize } from '../fake-quantize/fused-moving-avg.js';
import { HistogramObserver } from '../histogram/histogram.js';
import { MinMaxObserver } from '../min-max.js';
import { MovingAverageMinMaxObserver } from '../moving-average-min-max.js';
import { NoopObserver } from '../noop.js';
import { PerChannelMinMaxObserver } from '../per-channel-min-max.js';
import { PlaceholderObserver } from '../placeholder.js';
import * as fake from './default-fake-quantizes.js';
import * as parts from './default-observers.js';

const float16 = PlaceholderObserver.withArgs({ dtype: 'float16' });
const int8Histogram = HistogramObserver.withArgs({ dtype: 'qint8', reduceRange: false, eps: 2 ** -12 });
const movingAverage: FakeQuantizeOptions = { observer: MovingAverageMinMaxObserver, quantMin: 0, quantMax: 255 };
const fusedActivation = FusedMovingAvgObsFakeQuantize.withArgs(movingAverage);
const activation = FakeQuantize.withArgs(movingAverage);
const fusedInt8Activation = FusedMovingAvgObsFakeQuantize.withArgs({
  observer: MovingAverageMinMaxObserver,
  quantMin: -128,
  quantMax: 127,
  dtype: 'qint8',
  reduceRange: false,
  eps: 2 ** -12,
});

/** One row a preset: where a new one is added. Names are PyTorch's in camelCase, but for our own. */
export const PRESET_ROWS = {
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
    activation: parts.defaultPlaceholderObserver,
    weight: parts.defaultFloatQParamsObserver,
  },
  floatQParamsWeightOnlyQConfig4Bit: {
    aliases: [],
    scheme: 'weightOnly',
    summary: "PyTorch's, for embeddings: 4-bit rows with float zero points.",
    activation: parts.defaultPlaceholderObserver,
    weight: parts.defaultFloatQParamsObserver4Bit,
  },
  weightOnlyInt8QConfig: {
    aliases: ['weightOnlyInt8'],
    scheme: 'weightOnly',
    summary: 'Ours, for linears: 8-bit weights, a scale and zero point for each output; float arithmetic.',
    activation: parts.defaultPlaceholderObserver,
    weight: PerChannelMinMaxObserver.withArgs({ dtype: 'quint8', qscheme: 'per_channel_affine' }),
  },
  weightOnlyInt4QConfig: {
    aliases: ['weightOnlyInt4'],
    scheme: 'weightOnly',
    summary:
      'Ours, for linears: 4-bit weights in groups of 32 inputs with a scale and zero point each; float arithmetic.',
    activation: parts.defaultPlaceholderObserver,
    weight: PerChannelMinMaxObserver.withArgs({
      dtype: 'quint8',
      qscheme: 'per_channel_affine',
      quantMin: 0,
      quantMax: 15,
    }),
    groupSize: 32,
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
  // The defaults of PyTorch's engines, `getDefaultQConfig(engine)`.
  fbgemmQConfig: {
    aliases: ['fbgemm'],
    scheme: 'static',
    summary: "PyTorch's for x86: a histogram, 7-bit activations; one weight scale a channel.",
    activation: HistogramObserver.withArgs({ reduceRange: true }),
    weight: parts.defaultPerChannelWeightObserver,
  },
  x86QConfig: {
    aliases: ['x86'],
    scheme: 'static',
    summary: "PyTorch's default: a histogram, 7-bit activations; one weight scale a channel.",
    activation: HistogramObserver.withArgs({ reduceRange: true }),
    weight: parts.defaultPerChannelWeightObserver,
  },
  qnnpackQConfig: {
    aliases: ['qnnpack'],
    scheme: 'static',
    summary: "PyTorch's for ARM: a histogram, 8-bit activations; one weight scale a tensor.",
    activation: HistogramObserver.withArgs({ reduceRange: false }),
    weight: parts.defaultWeightObserver,
  },
  onednnQConfig: {
    aliases: ['onednn'],
    scheme: 'static',
    summary: "PyTorch's: a histogram, 8-bit activations; one weight scale a channel.",
    activation: HistogramObserver.withArgs({ reduceRange: false }),
    weight: parts.defaultPerChannelWeightObserver,
  },
  // Ours. Outliers matter to transformers: a range that cuts them off costs more than wide steps (docs/accuracy.md).
  staticTransformerQConfig: {
    aliases: ['staticTransformer'],
    scheme: 'static',
    summary: 'For transformers: int8 linears with float results; min and max, 8 bits; one weight scale a channel.',
    activation: MinMaxObserver.withArgs({ reduceRange: false }),
    weight: parts.defaultPerChannelWeightObserver,
    floatResults: true,
  },
  // A convolution's rounding errors add up over pixels that are alike (docs/accuracy.md).
  staticImageQConfig: {
    aliases: ['staticImage'],
    scheme: 'static',
    summary: 'For images: a histogram, 8 bits; one weight scale a channel, weights rounded to keep sums of kernels.',
    activation: HistogramObserver.withArgs({ reduceRange: false }),
    weight: parts.defaultPerChannelWeightObserver,
    keepKernelSums: true,
  },
  defaultSymmetricQnnpackQConfig: {
    aliases: [],
    scheme: 'static',
    summary: "PyTorch's: a histogram, int8 activations; weights in -127 to 127, one scale a tensor.",
    activation: int8Histogram,
    weight: parts.weightObserverRangeNeg127To127,
  },
  defaultPerChannelSymmetricQnnpackQConfig: {
    aliases: [],
    scheme: 'static',
    summary: "PyTorch's: a histogram, int8 activations; weights in -127 to 127, one scale a channel.",
    activation: int8Histogram,
    weight: parts.perChannelWeightObserverRangeNeg127To127,
  },
  defaultQuint8WeightQConfig: {
    aliases: [],
    scheme: 'static',
    summary: "PyTorch's, for PReLU: a histogram; quint8 weights.",
    activation: HistogramObserver.withArgs({}),
    weight: MinMaxObserver.withArgs({}),
  },
  float16StaticQConfig: {
    aliases: [],
    scheme: 'static',
    summary: "PyTorch's: float16 activations and weights.",
    activation: float16,
    weight: float16,
  },
  defaultReuseInputQConfig: {
    aliases: [],
    scheme: 'static',
    summary: "PyTorch's: the scale and zero point of the input.",
    activation: parts.defaultReuseInputObserver,
    weight: NoopObserver.withArgs({}),
  },
  defaultDebugQConfig: {
    aliases: [],
    scheme: 'static',
    summary: "PyTorch's: keeps all activations, to look at.",
    activation: parts.defaultDebugObserver,
    weight: parts.defaultWeightObserver,
  },
  // Training with quantization errors.
  defaultQatQConfig: {
    aliases: [],
    scheme: 'qat',
    summary: "PyTorch's: 7-bit activations; one weight scale a tensor.",
    activation: fake.defaultFakeQuant,
    weight: fake.defaultWeightFakeQuant,
  },
  defaultQatQConfigV2: {
    aliases: [],
    scheme: 'qat',
    summary: "PyTorch's, fused: 8-bit activations; one weight scale a tensor.",
    activation: fake.defaultFusedActFakeQuant,
    weight: fake.defaultFusedWtFakeQuant,
  },
  defaultDynamicQatQConfig: {
    aliases: [],
    scheme: 'qat',
    summary: "PyTorch's: activation ranges at run time; one weight scale a tensor.",
    activation: fake.defaultDynamicFakeQuant,
    weight: fake.defaultWeightFakeQuant,
  },
  defaultWeightOnlyQConfig: {
    aliases: [],
    scheme: 'qat',
    summary: "PyTorch's: weights alone, one scale a tensor.",
    activation: parts.defaultPlaceholderObserver,
    weight: fake.defaultWeightFakeQuant,
  },
  defaultActivationOnlyQConfig: {
    aliases: [],
    scheme: 'qat',
    summary: "PyTorch's: activations alone, 7 bits.",
    activation: fake.defaultFakeQuant,
    weight: parts.defaultPlaceholderObserver,
  },
  defaultEmbeddingQatQConfig: {
    aliases: [],
    scheme: 'qat',
    summary: "PyTorch's, for embeddings: 8-bit rows with float zero points.",
    activation: NoopObserver.withArgs({ dtype: 'float32' }),
    weight: fake.defaultEmbeddingFakeQuant,
  },
  defaultEmbeddingQatQConfig4Bit: {
    aliases: [],
    scheme: 'qat',
    summary: "PyTorch's, for embeddings: 4-bit rows with float zero points.",
    activation: NoopObserver.withArgs({ dtype: 'float32' }),
    weight: fake.defaultEmbeddingFakeQuant4Bit,
  },
  fbgemmQatQConfig: {
    aliases: [],
    scheme: 'qat',
    summary: "PyTorch's, fused: 7-bit activations; one weight scale a channel.",
    activation: fusedActivation.withArgs({ reduceRange: true }),
    weight: fake.defaultFusedPerChannelWtFakeQuant,
  },
  x86QatQConfig: {
    aliases: [],
    scheme: 'qat',
    summary: "PyTorch's, fused: 7-bit activations; one weight scale a channel.",
    activation: fusedActivation.withArgs({ reduceRange: true }),
    weight: fake.defaultFusedPerChannelWtFakeQuant,
  },
  qnnpackQatQConfig: {
    aliases: [],
    scheme: 'qat',
    summary: "PyTorch's, fused: 8-bit activations; one weight scale a tensor.",
    activation: fusedActivation.withArgs({ reduceRange: false }),
    weight: fake.defaultFusedWtFakeQuant,
  },
  onednnQatQConfig: {
    aliases: [],
    scheme: 'qat',
    summary: "PyTorch's, fused: 8-bit activations; one weight scale a channel.",
    activation: fusedActivation,
    weight: fake.defaultFusedPerChannelWtFakeQuant,
  },
  fbgemmQatQConfigV0: {
    aliases: [],
    scheme: 'qat',
    summary: "PyTorch's, unfused: 7-bit activations; one weight scale a channel.",
    activation: activation.withArgs({ reduceRange: true }),
    weight: fake.defaultPerChannelWeightFakeQuant,
  },
  x86QatQConfigV0: {
    aliases: [],
    scheme: 'qat',
    summary: "PyTorch's, unfused: 7-bit activations; one weight scale a channel.",
    activation: activation.withArgs({ reduceRange: true }),
    weight: fake.defaultPerChannelWeightFakeQuant,
  },
  qnnpackQatQConfigV0: {
    aliases: [],
    scheme: 'qat',
    summary: "PyTorch's, unfused: 8-bit activations; one weight scale a tensor.",
    activation: activation.withArgs({ reduceRange: false }),
    weight: fake.defaultWeightFakeQuant,
  },
  onednnQatQConfigV0: {
    aliases: [],
    scheme: 'qat',
    summary: "PyTorch's, unfused: 8-bit activations; one weight scale a channel.",
    activation: activation,
    weight: fake.defaultPerChannelWeightFakeQuant,
  },
  defaultSymmetricQnnpackQatQConfig: {
    aliases: [],
    scheme: 'qat',
    summary: "PyTorch's: int8 activations; weights in -127 to 127, one scale a tensor.",
    activation: fusedInt8Activation,
    weight: fake.fusedWtFakeQuantRangeNeg127To127,
  },
  defaultPerChannelSymmetricQnnpackQatQConfig: {
    aliases: [],
    scheme: 'qat',
    summary: "PyTorch's: int8 activations; weights in -127 to 127, one scale a channel.",
    activation: fusedInt8Activation,
    weight: fake.fusedPerChannelWtFakeQuantRangeNeg127To127,
  },
} as const;
