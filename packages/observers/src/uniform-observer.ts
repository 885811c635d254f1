import { didYouMean, OBSERVER_EPS, OctavoError } from '@octavo/core';
import { ObservedQParams } from './observed-qparams.js';
import { Observer } from './observer.js';
import { QSCHEMES, type QScheme } from './qscheme.js';
import { OBSERVER_DTYPES, type ObserverDType, quantRange } from './quant-range.js';
import { type Range, uniformQParams } from './uniform-qparams.js';
import { warnOnce } from './warn.js';

export interface UniformObserverOptions {
  /** What the codes are: quint8 by default. */
  dtype?: ObserverDType;
  qscheme?: QScheme;
  /** One bit less, as PyTorch's defaults for x86 have it; our kernels never need it. */
  reduceRange?: boolean;
  /** A range of codes of your own, both ends given; it must contain 0. */
  quantMin?: number;
  quantMax?: number;
  /** The smallest scale; 2^-23 by default. */
  eps?: number;
}

/**
 * Base of the observers whose codes are evenly spaced (PyTorch, torch/ao/quantization/observer.py,
 * `UniformQuantizationObserverBase`): the options all share, and ranges to scales and zero points in float32.
 */
export abstract class UniformObserver extends Observer {
  readonly dtype: ObserverDType;
  readonly qscheme: QScheme;
  readonly reduceRange: boolean;
  readonly quantMin: number;
  readonly quantMax: number;
  readonly eps: number;
  /** True where the caller gave the range of codes. */
  readonly customRange: boolean;
  private readonly given: UniformObserverOptions;

  constructor(options: UniformObserverOptions, { perChannel }: { perChannel: boolean }) {
    super();
    const { dtype = 'quint8', reduceRange = false, eps = OBSERVER_EPS } = options;
    const qscheme = options.qscheme ?? (perChannel ? 'per_channel_affine' : 'per_tensor_affine');
    const name = this.typeName;
    if (!OBSERVER_DTYPES.includes(dtype)) {
      throw new OctavoError(
        'INVALID_DTYPE',
        `[${name}] unknown dtype '${dtype}' (known: ${OBSERVER_DTYPES.join(', ')})${didYouMean(String(dtype), OBSERVER_DTYPES)}`,
      );
    }
    if (!Object.hasOwn(QSCHEMES, qscheme) || QSCHEMES[qscheme].perChannel !== perChannel) {
      const fitting = Object.keys(QSCHEMES).filter((key) => QSCHEMES[key as QScheme].perChannel === perChannel);
      throw new OctavoError('UNSUPPORTED', `[${name}] qscheme must be ${fitting.join(' or ')}, got '${qscheme}'`);
    }
    if (QSCHEMES[qscheme].symmetric && reduceRange && dtype === 'quint8') {
      throw new OctavoError(
        'UNSUPPORTED',
        `[${name}] reduceRange has no meaning for symmetric quint8 (its zero point is 128); use qint8, an affine qscheme, ` +
          'or reduceRange: false',
      );
    }
    if (!(eps > 0) || !Number.isFinite(eps)) {
      throw new OctavoError('INVALID_ARGUMENT', `[${name}] eps must be a positive number, got ${eps}`);
    }
    const { quantMin, quantMax, customized } = quantRange(name, dtype, options);
    this.dtype = dtype;
    this.qscheme = qscheme;
    this.reduceRange = reduceRange;
    this.quantMin = quantMin;
    this.quantMax = quantMax;
    this.eps = eps;
    this.customRange = customized;
    this.given = { dtype, qscheme, reduceRange, eps };
    if (customized) Object.assign(this.given, { quantMin: options.quantMin, quantMax: options.quantMax });
  }

  protected override optionsJSON(): Record<string, unknown> {
    return { ...this.given };
  }

  /** Scales and zero points of ranges; an empty or never observed range gives scale 1, zero point 0 and a warning. */
  protected qparamsOf(range: Range, axis: number | null): ObservedQParams {
    const { dtype, quantMin, quantMax } = this;
    const seen = range.min.length > 0 && !(range.min[0] === Number.POSITIVE_INFINITY && axis === null);
    if (!seen) {
      warnOnce(
        'OCTAVO_W_NOT_OBSERVED',
        `[${this.typeName}] no values were seen before calculateQParams; scale 1 and zero point 0 are used. Run calibration data first`,
      );
      return new ObservedQParams({
        dtype,
        quantMin,
        quantMax,
        scales: Float32Array.of(1),
        zeroPoints: Int32Array.of(0),
        axis: null,
      });
    }
    return new ObservedQParams({ dtype, quantMin, quantMax, ...uniformQParams(range, this), axis });
  }
}
