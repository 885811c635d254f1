import { FakeQuantize } from '../fake-quantize/fake-quantize.js';
import { FixedQParamsFakeQuantize } from '../fake-quantize/fixed-qparams.js';
import { FusedMovingAvgObsFakeQuantize } from '../fake-quantize/fused-moving-avg.js';
import { HistogramObserver } from '../histogram/histogram.js';
import { MovingAverageMinMaxObserver } from '../moving-average-min-max.js';
import { MovingAveragePerChannelMinMaxObserver } from '../moving-average-per-channel-min-max.js';
import { defaultFixedQParamsRange0To1Observer, defaultFixedQParamsRangeNeg1To1Observer } from './default-observers.js';

// What training with quantization errors is made of, by PyTorch's names in camelCase
// (torch/ao/quantization/fake_quantize.py).

const UINT8 = { quantMin: 0, quantMax: 255, dtype: 'quint8' } as const;
const INT8 = { quantMin: -128, quantMax: 127, dtype: 'qint8' } as const;
const NEG_127_TO_127 = { quantMin: -127, quantMax: 127, eps: 2 ** -12 } as const;

/** Activations, moving averages, in 7 bits. */
export const defaultFakeQuant = FakeQuantize.withArgs({
  observer: MovingAverageMinMaxObserver,
  ...UINT8,
  qscheme: 'per_tensor_affine',
  reduceRange: true,
});

/** Activations, a histogram, in 7 bits. */
export const defaultHistogramFakeQuant = defaultFakeQuant.withArgs({ observer: HistogramObserver });

/** Activations whose range the converted module takes at run time. */
export const defaultDynamicFakeQuant = FakeQuantize.withArgs({
  observer: MovingAverageMinMaxObserver,
  ...UINT8,
  isDynamic: true,
  averagingConstant: 1,
});

/** Weights, one scale for the tensor. */
export const defaultWeightFakeQuant = FakeQuantize.withArgs({
  observer: MovingAverageMinMaxObserver,
  ...INT8,
  qscheme: 'per_tensor_symmetric',
});

/** Weights, one scale for each output channel. */
export const defaultPerChannelWeightFakeQuant = FakeQuantize.withArgs({
  observer: MovingAveragePerChannelMinMaxObserver,
  ...INT8,
  qscheme: 'per_channel_symmetric',
  chAxis: 0,
});

/** Embedding tables: a float zero point for each row, of the last table seen. */
export const defaultEmbeddingFakeQuant = FakeQuantize.withArgs({
  observer: MovingAveragePerChannelMinMaxObserver,
  ...UINT8,
  qscheme: 'per_channel_affine_float_qparams',
  chAxis: 0,
  averagingConstant: 1,
});

/** The same in 4 bits. */
export const defaultEmbeddingFakeQuant4Bit = FakeQuantize.withArgs({
  observer: MovingAveragePerChannelMinMaxObserver,
  dtype: 'quint4x2',
  qscheme: 'per_channel_affine_float_qparams',
  chAxis: 0,
  averagingConstant: 1,
});

/** Outputs within 0 and 1: sigmoid, softmax. */
export const defaultFixedQParamsRange0To1FakeQuant = FixedQParamsFakeQuantize.withArgs({
  observer: defaultFixedQParamsRange0To1Observer,
});

/** Outputs within -1 and 1: tanh. */
export const defaultFixedQParamsRangeNeg1To1FakeQuant = FixedQParamsFakeQuantize.withArgs({
  observer: defaultFixedQParamsRangeNeg1To1Observer,
});

/** Activations, moving averages, in 8 bits. */
export const defaultFusedActFakeQuant = FusedMovingAvgObsFakeQuantize.withArgs({
  observer: MovingAverageMinMaxObserver,
  ...UINT8,
});

/** Weights, one scale for the tensor. */
export const defaultFusedWtFakeQuant = FusedMovingAvgObsFakeQuantize.withArgs({
  observer: MovingAverageMinMaxObserver,
  ...INT8,
  qscheme: 'per_tensor_symmetric',
});

/** Weights, one scale for each output channel. */
export const defaultFusedPerChannelWtFakeQuant = FusedMovingAvgObsFakeQuantize.withArgs({
  observer: MovingAveragePerChannelMinMaxObserver,
  ...INT8,
  qscheme: 'per_channel_symmetric',
});

/** Weights with the lowest code left out. */
export const fusedWtFakeQuantRangeNeg127To127 = defaultFusedWtFakeQuant.withArgs(NEG_127_TO_127);

export const fusedPerChannelWtFakeQuantRangeNeg127To127 = defaultFusedPerChannelWtFakeQuant.withArgs(NEG_127_TO_127);
