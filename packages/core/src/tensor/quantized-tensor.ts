import { OctavoError } from '../errors.js';
import { QUANTIZED_DTYPES, type QuantizedDType } from './dtype.js';
import { checkAxis, type Dims } from './shape.js';
import type { Tensor } from './tensor.js';

const BRAND = Symbol.for('@octavo/QuantizedTensor.v1');

/**
 * Integer codes with the scale and zero point that give them meaning: real = (code - zeroPoint) * scale.
 * One pair for the tensor (`axis` null), or one per index of `axis` (per channel).
 */
export class QuantizedTensor {
  readonly dtype: QuantizedDType;
  /** The codes: int8 for qint8, uint8 for quint8, int32 for qint32. */
  readonly values: Tensor;
  /** float32, length 1 or the size of `axis`. */
  readonly scales: Float32Array;
  readonly zeroPoints: Int32Array;
  readonly axis: number | null;

  constructor(
    dtype: QuantizedDType,
    values: Tensor,
    qparams: { scales: Float32Array; zeroPoints: Int32Array; axis?: number | null },
  ) {
    const { storage } = QUANTIZED_DTYPES[dtype];
    if (values.type !== storage) {
      throw new OctavoError('INVALID_DTYPE', `[QuantizedTensor] ${dtype} is stored as ${storage}, got ${values.type}`);
    }
    const axis = qparams.axis ?? null;
    const dims = values.raw.dims;
    const count = axis === null ? 1 : (dims[checkAxis(axis, dims.length, 'QuantizedTensor')] as number);
    if (qparams.scales.length !== count || qparams.zeroPoints.length !== count) {
      throw new OctavoError(
        'INVALID_SHAPE',
        `[QuantizedTensor] expected ${count} scales and zero points, got ${qparams.scales.length} and ${qparams.zeroPoints.length}`,
      );
    }
    this.dtype = dtype;
    this.values = values;
    this.scales = qparams.scales;
    this.zeroPoints = qparams.zeroPoints;
    this.axis = axis;
  }

  static {
    Object.defineProperty(QuantizedTensor.prototype, BRAND, { value: true });
  }

  get dims(): Dims {
    return this.values.raw.dims;
  }

  /** The scale per tensor, or all scales per channel. */
  get scale(): number | Float32Array {
    return this.axis === null ? (this.scales[0] as number) : this.scales;
  }

  /** The zero point per tensor, or all of them per channel. */
  get zeroPoint(): number | Int32Array {
    return this.axis === null ? (this.zeroPoints[0] as number) : this.zeroPoints;
  }

  static is(value: unknown): value is QuantizedTensor {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}
