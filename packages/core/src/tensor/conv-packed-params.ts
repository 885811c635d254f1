import { OctavoError } from '../errors.js';
import { QuantizedTensor } from './quantized-tensor.js';
import { formatDims } from './shape.js';
import { Tensor } from './tensor.js';

const BRAND = Symbol.for('@octavo/ConvPackedParams.v1');

/** One number for every spatial axis, or one for each. */
export type PerAxis = number | readonly number[];

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
 * arrays are copied when it is made.
 *
 * weight: qint8 [out, in / groups, ...kernel], per tensor or per channel along axis 0; transposed: qint8
 * [in, out / groups, ...kernel], per tensor only, as in PyTorch. bias: float32 [out] or null.
 */
export class ConvPackedParams {
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

  constructor(weight: QuantizedTensor, bias: Tensor | null = null, options: ConvOptions = {}) {
    const { stride = 1, padding = 0, dilation = 1, groups = 1, transposed = false, outputPadding = 0 } = options;
    checkWeight(weight, groups, transposed);
    const rank = weight.dims.length - 2;
    this.groups = groups;
    this.transposed = transposed;
    this.stride = perAxis('stride', stride, rank, 1);
    this.dilation = perAxis('dilation', dilation, rank, 1);
    this.padding = paddings(padding, rank);
    this.outputPadding = perAxis('outputPadding', outputPadding, rank, 0);
    checkOutputPadding(this.outputPadding, transposed, this.stride, this.dilation);
    const codes = new Tensor('int8', (weight.values.raw.data as Int8Array).slice(), weight.dims);
    this.weight = new QuantizedTensor('qint8', codes, {
      scales: weight.scales.slice(),
      zeroPoints: weight.zeroPoints.slice(),
      axis: weight.axis,
    });
    const { outChannels } = this;
    if (bias !== null && (bias.type !== 'float32' || bias.raw.dims.length !== 1 || bias.raw.dims[0] !== outChannels)) {
      throw new OctavoError(
        'INVALID_SHAPE',
        `[ConvPackedParams] expected a float32 bias [${outChannels}], got ${bias.type} ${formatDims(bias.raw.dims)}`,
      );
    }
    this.bias = bias === null ? null : new Tensor('float32', (bias.raw.data as Float32Array).slice(), bias.raw.dims);
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** The number of spatial axes: 1, 2 or 3. */
  get rank(): number {
    return this.weight.dims.length - 2;
  }

  get kernel(): readonly number[] {
    return this.weight.dims.slice(2);
  }

  get inChannels(): number {
    const [first, second] = this.weight.dims as [number, number];
    return this.transposed ? first : second * this.groups;
  }

  get outChannels(): number {
    const [first, second] = this.weight.dims as [number, number];
    return this.transposed ? second * this.groups : first;
  }

  static is(value: unknown): value is ConvPackedParams {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}

function invalid(message: string): OctavoError {
  return new OctavoError('INVALID_ARGUMENT', `[ConvPackedParams] ${message}`);
}

function checkWeight({ dtype, dims, axis }: QuantizedTensor, groups: number, transposed: boolean): void {
  const got = `${dtype} ${formatDims(dims)} along axis ${axis}`;
  if (dtype !== 'qint8' || dims.length < 3 || dims.length > 5 || dims.includes(0)) {
    const order = transposed ? '[in, out / groups, ...kernel]' : '[out, in / groups, ...kernel]';
    throw invalid(`expected a qint8 weight ${order} with 1, 2 or 3 kernel axes and no dim of 0; got ${got}`);
  }
  if (transposed && axis !== null) throw invalid(`expected a transposed weight quantized per tensor; got ${got}`);
  if (axis !== null && axis !== 0) {
    throw invalid(`expected a weight quantized per tensor or per channel along axis 0; got ${got}`);
  }
  if (!Number.isInteger(groups) || groups < 1 || (dims[0] as number) % groups !== 0) {
    throw invalid(`groups must divide the ${dims[0]} ${transposed ? 'input' : 'output'} channels, got ${groups}`);
  }
}

/** One integer of at least `least` for each of `rank` axes. */
function perAxis(name: string, value: PerAxis, rank: number, least: number): readonly number[] {
  const list = typeof value === 'number' ? new Array<number>(rank).fill(value) : [...value];
  if (list.length === rank && list.every((x) => Number.isSafeInteger(x) && x >= least)) return Object.freeze(list);
  throw invalid(`${name} must be an integer of at least ${least}, or ${rank} of them, got ${formatValue(value)}`);
}

function paddings(value: PerAxis, rank: number): readonly number[] {
  const list = typeof value === 'number' ? new Array<number>(rank).fill(value) : [...value];
  const both = list.length === rank ? [...list, ...list] : list;
  if (both.length === 2 * rank && both.every((x) => Number.isSafeInteger(x) && x >= 0)) return Object.freeze(both);
  throw invalid(
    `padding must be an integer of at least 0, ${rank} of them, or ${2 * rank} as [begin..., end...], got ${formatValue(value)}`,
  );
}

function checkOutputPadding(
  outputPadding: readonly number[],
  transposed: boolean,
  stride: readonly number[],
  dilation: readonly number[],
): void {
  if (!transposed && outputPadding.some((x) => x !== 0)) {
    throw invalid(`outputPadding belongs to transposed convolutions, got ${formatDims(outputPadding)}`);
  }
  if (outputPadding.some((x, i) => x > 0 && x >= Math.max(stride[i] as number, dilation[i] as number))) {
    throw invalid(
      `outputPadding must be smaller than stride or dilation, got ${formatDims(outputPadding)} with stride ` +
        `${formatDims(stride)} and dilation ${formatDims(dilation)}`,
    );
  }
}

function formatValue(value: PerAxis): string {
  return typeof value === 'number' ? String(value) : formatDims(value);
}
