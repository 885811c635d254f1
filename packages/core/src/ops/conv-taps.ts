import type { ConvGeometry } from '../tensor/conv-geometry.js';
import { type Dims, sizeOf } from '../tensor/shape.js';
import { shapeError } from './check.js';

// Where convolutions, float and quantized, plain and transposed, read their inputs and what comes out.

/**
 * The dims of the output for an input of dims `x`, [batch, out, ...]. A spatial dim is
 * floor((dim + begin + end - dilation * (kernel - 1) - 1) / stride) + 1, and of a transposed convolution
 * (dim - 1) * stride - begin - end + dilation * (kernel - 1) + outputPadding + 1.
 */
export function convDims(op: string, x: Dims, geometry: ConvGeometry): number[] {
  const { inChannels, outChannels, kernel, stride, padding, dilation, outputPadding, transposed } = geometry;
  const rank = kernel.length;
  if (x.length !== rank + 2 || x[1] !== inChannels) {
    const axes = ['depth', 'height', 'width'].slice(3 - rank);
    throw shapeError(op, `x [batch, ${[inChannels, ...axes].join(', ')}] for this weight`, x);
  }
  const dims = [x[0] as number, outChannels];
  for (let i = 0; i < rank; i++) {
    const dim = x[i + 2] as number;
    const reach = (dilation[i] as number) * ((kernel[i] as number) - 1);
    const pads = (padding[i] as number) + (padding[rank + i] as number);
    const step = stride[i] as number;
    const size = transposed
      ? (dim - 1) * step - pads + reach + (outputPadding[i] as number) + 1
      : Math.floor((dim + pads - reach - 1) / step) + 1;
    if (size < 1 || dim === 0) throw shapeError(op, `an input large enough for kernel [${kernel.join(', ')}]`, x);
    dims.push(size);
  }
  return dims;
}

/** Where the inputs of an output position lie in a plane of the input, one for each tap; -1 outside. */
export class TapOffsets {
  /** [tap][output coordinate] -> input coordinate or -1, for each spatial axis. */
  private readonly coordinates: readonly (readonly Int32Array[])[];

  constructor(
    private readonly geometry: ConvGeometry,
    private readonly input: Dims,
    private readonly output: Dims,
  ) {
    this.coordinates = input.map((_, axis) => this.alongAxis(axis));
  }

  /** Writes those of output position `position` (row-major) into `offsets` from index `from`. */
  at(position: number, offsets: Int32Array, from: number): void {
    const { kernel } = this.geometry;
    const end = from + sizeOf(kernel);
    offsets.fill(0, from, end);
    let rest = position;
    let stride = 1;
    let run = 1;
    for (let axis = kernel.length - 1; axis >= 0; axis--) {
      const size = this.output[axis] as number;
      const coordinate = rest % size;
      rest = (rest - coordinate) / size;
      const taps = kernel[axis] as number;
      const table = this.coordinates[axis] as readonly Int32Array[];
      for (let i = from; i < end; i++) {
        const at = (table[Math.floor((i - from) / run) % taps] as Int32Array)[coordinate] as number;
        offsets[i] = at < 0 || (offsets[i] as number) < 0 ? -1 : (offsets[i] as number) + at * stride;
      }
      run *= taps;
      stride *= this.input[axis] as number;
    }
  }

  private alongAxis(axis: number): Int32Array[] {
    const { geometry, input, output } = this;
    const [size, outputSize, taps] = [input[axis], output[axis], geometry.kernel[axis]] as [number, number, number];
    const [stride, dilation, begin] = [geometry.stride[axis], geometry.dilation[axis], geometry.padding[axis]] as [
      number,
      number,
      number,
    ];
    return Array.from({ length: taps }, (_, tap) =>
      Int32Array.from({ length: outputSize }, (_, o) => {
        const at = geometry.transposed ? (o + begin - tap * dilation) / stride : o * stride + tap * dilation - begin;
        return Number.isInteger(at) && at >= 0 && at < size ? at : -1;
      }),
    );
  }
}
