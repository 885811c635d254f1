import { FixedQParamsObserver } from '../fixed-qparams.js';
import { HistogramObserver } from '../histogram/histogram.js';
import { MinMaxObserver } from '../min-max.js';
import { PerChannelMinMaxObserver } from '../per-channel-min-max.js';
import { PerRowMinMaxObserver } from '../per-row-min-max.js';
import { PlaceholderObserver } from '../placeholder.js';
import { RecordingObserver } from '../recording.js';
import { ReuseInputObserver } from '../reuse-input.js';

// The factories that presets are made of, by PyTorch's names in camelCase (torch/ao/quantization/observer.py).

/** Activations in 7 bits, min and max. */
export const defaultObserver = MinMaxObserver.withArgs({ quantMin: 0, quantMax: 127 });

/** Activations, a histogram, in 7 bits. */
export const defaultHistogramObserver = HistogramObserver.withArgs({ quantMin: 0, quantMax: 127 });

/** Activations that stay float32. */
export const defaultPlaceholderObserver = PlaceholderObserver.withArgs({});

/** Activations kept whole, to look at. */
export const defaultDebugObserver = RecordingObserver.withArgs({});

/** Outputs with the scale and zero point of their input. */
export const defaultReuseInputObserver = ReuseInputObserver.withArgs({});

/** Outputs within 0 and 1: sigmoid, softmax. */
export const defaultFixedQParamsRange0To1Observer = FixedQParamsObserver.withArgs({ scale: 1 / 256, zeroPoint: 0 });

/** Outputs within -1 and 1: tanh. */
export const defaultFixedQParamsRangeNeg1To1Observer = FixedQParamsObserver.withArgs({
  scale: 2 / 256,
  zeroPoint: 128,
});

/** Activations whose range is taken at run time, one for the tensor, in 7 bits. */
export const defaultDynamicQuantObserver = PlaceholderObserver.withArgs({ dtype: 'quint8', isDynamic: true });

/** Activations whose ranges are taken at run time, one a row, in 8 bits: ours. */
export const perRowDynamicQuantObserver = PerRowMinMaxObserver.withArgs({});

/** Weights, one scale for the tensor. */
export const defaultWeightObserver = MinMaxObserver.withArgs({ dtype: 'qint8', qscheme: 'per_tensor_symmetric' });

/** Weights, one scale for each output channel. */
export const defaultPerChannelWeightObserver = PerChannelMinMaxObserver.withArgs({
  dtype: 'qint8',
  qscheme: 'per_channel_symmetric',
});

/** Weights with the lowest code left out, so that the range is symmetric: for kernels that negate codes. */
export const weightObserverRangeNeg127To127 = defaultWeightObserver.withArgs({
  quantMin: -127,
  quantMax: 127,
  eps: 2 ** -12,
});

export const perChannelWeightObserverRangeNeg127To127 = defaultPerChannelWeightObserver.withArgs({
  quantMin: -127,
  quantMax: 127,
  eps: 2 ** -12,
});

/** Embedding tables: a float zero point for each row. */
export const defaultFloatQParamsObserver = PerChannelMinMaxObserver.withArgs({
  dtype: 'quint8',
  qscheme: 'per_channel_affine_float_qparams',
  chAxis: 0,
});

/** The same in 4 bits. */
export const defaultFloatQParamsObserver4Bit = defaultFloatQParamsObserver.withArgs({ dtype: 'quint4x2' });
