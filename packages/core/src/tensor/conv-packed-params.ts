import { OctavoError } from '../errors.js';
import { checkWeightQParams } from './check-weight-qparams.js';
import { type ConvGeometry, checkOutputPadding, type PerAxis, paddings, perAxis } from './conv-geometry.js';
import { type OwnershipOption, ownArrays } from './own-arrays.js';
import type { QuantizedTensor } from './quantized-tensor.js';
import { formatDims } from './shape.js';
import type { Tensor } from './tensor.js';

const WHERE = 'ConvPackedParams';
const BRAND = Symbol.for('@octavo/ConvPackedParams.v1');

export interface ConvOptions {
  /** 1 when left out. */
  readonly stride?: PerAxis;
  /** 0 when left out. One for each axis, or [begin..., end...] as ONNX's pads: TensorFlow's SAME is asymmetric. */
  readonly padding?: PerAxis;
  /** 1 when left out. */
  readonly dilation?: PerAxis;
  /** 1 when left out. */
  readonly groups?: number;
  /** Weights of a transposed convolution, [in, out / groups, ...kernel]. */
  readonly transposed?: boolean;
  /** Added to one side of a transposed convolution's output; 0 when left out. */
  readonly outputPadding?: PerAxis;
}

/**
 * The frozen weight, bias and geometry of a quantized convolution over 1, 2 or 3 spatial axes, as PyTorch's
 * `Conv2dPackedParams`: canonical int8 codes here, packed once by a backend that wants another order. Immutable: the
 * arrays are copied when it is made, or taken over where they are `owned`.
 *
 * weight: qint8 [out, in / groups, ...kernel], per tensor or per channel along axis 0; transposed: qint8
 * [in, out / groups, ...kernel], per tensor as in PyTorch or, of one group, per channel along axis 1. bias: float32 [out] or
 * null.
 */
export class ConvPackedParams implements ConvGeometry {
  readonly weight: QuantizedTensor;
  readonly bias: Tensor<'float32'> | null;
  /** One for each spatial axis. */
  readonly stride: readonly number[];
  /** [begin..., end...]: two for each spatial axis. */
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly transposed: boolean;
  readonly outputPadding: readonly number[];
  readonly kernel: readonly number[];
  readonly inChannels: number;
  readonly outChannels: number;

  constructor(
    weight: QuantizedTensor,
    bias: Tensor | null = null,
    options: ConvOptions = {},
    ownership: OwnershipOption = {},
  ) {
    const { stride = 1, padding = 0, dilation = 1, groups = 1, transposed = false, outputPadding = 0 } = options;
    checkWeight(weight, groups, transposed);
    checkWeightQParams(WHERE, weight);
    const rank = weight.dims.length - 2;
    this.groups = groups;
    this.transposed = transposed;
    this.stride = perAxis(WHERE, 'stride', stride, rank, 1);
    this.dilation = perAxis(WHERE, 'dilation', dilation, rank, 1);
    this.padding = paddings(WHERE, padding, rank);
    this.outputPadding = perAxis(WHERE, 'outputPadding', outputPadding, rank, 0);
    checkOutputPadding(WHERE, this);
    const [first, second] = weight.dims as [number, number];
    this.kernel = Object.freeze(weight.dims.slice(2));
    this.inChannels = transposed ? first : second * groups;
    this.outChannels = transposed ? second * groups : first;
    const { outChannels } = this;
    if (bias !== null && (bias.type !== 'float32' || bias.raw.dims.length !== 1 || bias.raw.dims[0] !== outChannels)) {
      throw new OctavoError(
        'INVALID_SHAPE',
        `[${WHERE}] expected a float32 bias [${outChannels}], got ${bias.type} ${formatDims(bias.raw.dims)}`,
      );
    }
    const own = ownArrays(weight, bias as Tensor<'float32'> | null, ownership);
    this.weight = own.weight;
    this.bias = own.bias;
  }

  static {
    Object.defineProperty(ConvPackedParams.prototype, BRAND, { value: true });
  }

  /** The number of spatial axes: 1, 2 or 3. */
  get rank(): number {
    return this.weight.dims.length - 2;
  }

  static is(value: unknown): value is ConvPackedParams {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}

function invalid(message: string): OctavoError {
  return new OctavoError('INVALID_ARGUMENT', `[${WHERE}] ${message}`);
}

function checkWeight({ dtype, dims, axis }: QuantizedTensor, groups: number, transposed: boolean): void {
  const got = `${dtype} ${formatDims(dims)} along axis ${axis}`;
  if (dtype !== 'qint8' || dims.length < 3 || dims.length > 5 || dims.includes(0)) {
    const order = transposed ? '[in, out / groups, ...kernel]' : '[out, in / groups, ...kernel]';
    throw invalid(`expected a qint8 weight ${order} with 1, 2 or 3 kernel axes and no dim of 0; got ${got}`);
  }
  if (transposed && axis !== null && (axis !== 1 || groups !== 1)) {
    throw invalid(`expected a transposed weight quantized per tensor or, of one group, along axis 1; got ${got}`);
  }
  if (!transposed && axis !== null && axis !== 0) {
    throw invalid(`expected a weight quantized per tensor or per channel along axis 0; got ${got}`);
  }
  if (!Number.isInteger(groups) || groups < 1 || (dims[0] as number) % groups !== 0) {
    throw invalid(`groups must divide the ${dims[0]} ${transposed ? 'input' : 'output'} channels, got ${groups}`);
  }
}
