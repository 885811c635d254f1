import { OctavoError } from '../errors.js';
import { checkWeightQParams } from './check-weight-qparams.js';
import { type OwnershipOption, ownArrays } from './own-arrays.js';
import type { QuantizedTensor } from './quantized-tensor.js';
import { formatDims } from './shape.js';
import type { Tensor } from './tensor.js';

const BRAND = Symbol.for('@octavo/LinearPackedParams.v1');

/**
 * The frozen weight and bias of a quantized linear, as PyTorch's object of that name: canonical int8 rows here,
 * packed into panels once by a backend that wants panels. Immutable: the arrays are copied when it is made, or
 * taken over where they are `owned`.
 *
 * weight: qint8 [outFeatures, inFeatures], per tensor or per channel along axis 0. bias: float32 [outFeatures] or null.
 * Symmetric weights (zero points 0) are the fast form: others cost a sum of each row of codes.
 */
export class LinearPackedParams {
  readonly weight: QuantizedTensor;
  readonly bias: Tensor<'float32'> | null;

  constructor(weight: QuantizedTensor, bias: Tensor | null = null, ownership: OwnershipOption = {}) {
    const [outFeatures] = weight.dims;
    if (weight.dtype !== 'qint8' || weight.dims.length !== 2 || (weight.axis !== null && weight.axis !== 0)) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[LinearPackedParams] expected a qint8 weight [out, in], per tensor or per channel along axis 0; got ${weight.dtype} ` +
          `${formatDims(weight.dims)} along axis ${weight.axis}`,
      );
    }
    checkWeightQParams('LinearPackedParams', weight);
    if (bias !== null && (bias.type !== 'float32' || bias.raw.dims.length !== 1 || bias.raw.dims[0] !== outFeatures)) {
      throw new OctavoError(
        'INVALID_SHAPE',
        `[LinearPackedParams] expected a float32 bias [${outFeatures}], got ${bias.type} ${formatDims(bias.raw.dims)}`,
      );
    }
    const own = ownArrays(weight, bias as Tensor<'float32'> | null, ownership);
    this.weight = own.weight;
    this.bias = own.bias;
  }

  static {
    Object.defineProperty(LinearPackedParams.prototype, BRAND, { value: true });
  }

  get outFeatures(): number {
    return this.weight.dims[0] as number;
  }

  get inFeatures(): number {
    return this.weight.dims[1] as number;
  }

  static is(value: unknown): value is LinearPackedParams {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}
