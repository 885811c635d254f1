import type { PlaceholderDType } from './quant-range.js';

/**
 * What an observer found: real = (code - zeroPoint) * scale, codes in [quantMin, quantMax]. One pair for the tensor
 * (`axis` null) or one for each index of `axis`.
 */
export class ObservedQParams {
  readonly dtype: PlaceholderDType;
  readonly quantMin: number;
  readonly quantMax: number;
  /** float32, length 1 or the size of `axis`. */
  readonly scales: Float32Array;
  /** Codes; floats only for `per_channel_affine_float_qparams`. */
  readonly zeroPoints: Int32Array | Float32Array;
  readonly axis: number | null;

  constructor(fields: {
    dtype: PlaceholderDType;
    quantMin: number;
    quantMax: number;
    scales: Float32Array;
    zeroPoints: Int32Array | Float32Array;
    axis: number | null;
  }) {
    this.dtype = fields.dtype;
    this.quantMin = fields.quantMin;
    this.quantMax = fields.quantMax;
    this.scales = fields.scales;
    this.zeroPoints = fields.zeroPoints;
    this.axis = fields.axis;
  }

  /** The scale per tensor, or all scales per channel. */
  get scale(): number | Float32Array {
    return this.axis === null ? (this.scales[0] as number) : this.scales;
  }

  /** The zero point per tensor, or all of them per channel. */
  get zeroPoint(): number | Int32Array | Float32Array {
    return this.axis === null ? (this.zeroPoints[0] as number) : this.zeroPoints;
  }
}
