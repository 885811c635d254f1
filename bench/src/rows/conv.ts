import {
  type Attrs,
  ConvPackedParams,
  type Executable,
  type Operand,
  type Program,
  QuantizedTensor,
  Tensor,
} from '@octavo/core';
import type { Bench } from '../bench.js';
import { contest } from '../measure/contest.js';
import { checkClose, relativeError } from '../measure/verify.js';
import { type ElementType, OnnxGraph } from '../onnx/graph.js';
import { feeds, openModel } from '../ort/session.js';
import type { Row, RowGroup } from '../row.js';

// Single convolutions of image networks, static int8 and float, batch 1, from and to [batch, channels, height, width].

interface Layer {
  /** Height and width of the input. */
  readonly size: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly groups?: number;
  readonly kernel: number;
  readonly stride?: number;
}

/** The layers of EfficientNet-Lite0 that differ, then ResNet's. */
const LAYERS: readonly Layer[] = [
  { size: 224, inputs: 3, outputs: 32, kernel: 3, stride: 2 },
  { size: 112, inputs: 32, outputs: 32, groups: 32, kernel: 3 },
  { size: 112, inputs: 16, outputs: 96, kernel: 1 },
  { size: 56, inputs: 96, outputs: 24, kernel: 1 },
  { size: 28, inputs: 240, outputs: 240, groups: 240, kernel: 5 },
  { size: 14, inputs: 480, outputs: 112, kernel: 1 },
  { size: 14, inputs: 672, outputs: 672, groups: 672, kernel: 5 },
  { size: 7, inputs: 320, outputs: 1280, kernel: 1 },
  { size: 224, inputs: 3, outputs: 64, kernel: 7, stride: 2 },
  { size: 56, inputs: 64, outputs: 64, kernel: 3 },
  { size: 14, inputs: 256, outputs: 256, kernel: 3 },
  { size: 7, inputs: 512, outputs: 512, kernel: 3 },
];

/** 8-bit codes in and out against float on the same values. */
const INT8_ERROR = 0.03;
/** Two float32 sums in other orders. */
const FLOAT_ERROR = 1e-5;

const nameOf = ({ size, inputs, outputs, groups = 1, kernel, stride = 1 }: Layer): string =>
  `${groups > 1 ? 'depthwise ' : ''}conv ${kernel}x${kernel}${stride > 1 ? ` /${stride}` : ''} ${inputs}->${outputs} at ${size}x${size}`;

export const CONV: RowGroup = {
  names: LAYERS.map(nameOf),
  async *run(bench, wants) {
    for (const layer of LAYERS) if (wants(nameOf(layer))) yield await measure(bench, layer);
  },
};

async function measure(bench: Bench, layer: Layer): Promise<Row> {
  const data = new LayerData(layer);
  const backend = bench.backend(1);
  const attrs = data.geometry;
  const float = backend.compile(program('aten::conv', 'float32', [data.weight], { ...attrs, activation: 0 }));
  const [y] = float.run([data.x]) as [Tensor];
  const scale = Math.fround((y.raw.data as Float32Array).reduce((most, v) => Math.max(most, Math.abs(v)), 0) / 127);
  const qparams = { xScale: X.scale, xZeroPoint: X.zeroPoint, scale, zeroPoint: 128 };
  const int8 = backend.compile(program('quantized::conv', 'uint8', [data.packed], { ...qparams, activation: 0 }));
  const real = (codes: ArrayLike<number>): Float32Array => Float32Array.from(codes, (code) => (code - 128) * scale);
  const ours = real((int8.run([data.codes]) as [Tensor])[0].raw.data as Uint8Array);
  const oursInt8Error = checkClose('our int8 against our float', ours, y.raw.data as Float32Array, INT8_ERROR);

  const theirs = { float: await openModel(data.floatFile()), int8: await openModel(data.int8File(scale)) };
  const inputs = { float: feeds({ x: data.x }), int8: feeds({ x: data.codes }) };
  const theirFloat = await theirs.float.run(inputs.float);
  checkClose("our float against ONNX Runtime's", y.raw.data as Float32Array, theirFloat, FLOAT_ERROR);
  const ortInt8Error = relativeError(real(await theirs.int8.run(inputs.int8)), theirFloat);
  const times = await contest({
    oursMs: () => int8.run([data.codes]),
    ortInt8Ms: () => theirs.int8.run(inputs.int8),
    oursFloatMs: () => float.run([data.x]),
    ortFloatMs: () => theirs.float.run(inputs.float),
  });
  for (const executable of [float, int8] as Executable[]) executable.dispose();
  await theirs.float.close();
  await theirs.int8.close();
  const multiplyAdds = (y.raw.data.length * data.weight.raw.data.length) / layer.outputs;
  return {
    name: nameOf(layer),
    isa: bench.isa,
    threads: 1,
    ...times,
    peakShare: multiplyAdds / (times.oursMs as number) / 1e6 / bench.peaks.int8,
    oursInt8Error,
    ortInt8Error,
  };
}

const X = { scale: Math.fround(1 / 64), zeroPoint: 120 };
const WEIGHT_SCALE = Math.fround(1 / 128);

/** A layer's weight and input: codes, and the float values that these stand for. */
class LayerData {
  readonly codes: Tensor<'uint8'>;
  readonly x: Tensor<'float32'>;
  readonly weight: Tensor<'float32'>;
  readonly packed: ConvPackedParams;
  readonly geometry: Attrs;
  private readonly weightCodes: Int8Array;

  constructor({ size, inputs, outputs, groups = 1, kernel, stride = 1 }: Layer) {
    let state = 1;
    const code = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 24;
    };
    const dims = [outputs, inputs / groups, kernel, kernel];
    this.codes = new Tensor('uint8', Uint8Array.from({ length: inputs * size * size }, code), [1, inputs, size, size]);
    this.x = new Tensor(
      'float32',
      Float32Array.from(this.codes.raw.data, (c) => (c - X.zeroPoint) * X.scale),
      [1, inputs, size, size],
    );
    this.weightCodes = Int8Array.from({ length: (outputs * inputs * kernel * kernel) / groups }, () => code() - 128);
    this.weight = new Tensor(
      'float32',
      Float32Array.from(this.weightCodes, (c) => c * WEIGHT_SCALE),
      dims,
    );
    const weight = new QuantizedTensor('qint8', new Tensor('int8', this.weightCodes, dims), {
      scales: new Float32Array(outputs).fill(WEIGHT_SCALE),
      zeroPoints: new Int32Array(outputs),
      axis: 0,
    });
    const padding = (kernel - 1) / 2;
    this.packed = new ConvPackedParams(weight, null, { stride, padding, groups });
    this.geometry = {
      stride: [stride, stride],
      padding: new Array<number>(4).fill(padding),
      dilation: [1, 1],
      groups,
    };
  }

  floatFile(): Uint8Array {
    const graph = new OnnxGraph();
    const inputs = [
      graph.input('x', 'float32', this.x.raw.dims),
      graph.initializer('weight', { type: 'float32', dims: this.weight.raw.dims, data: this.weight.raw.data }),
    ];
    return this.finish(graph, 'Conv', inputs, 'float32');
  }

  /** QLinearConv of uint8 activations and int8 weights with a scale for each channel. */
  int8File(scale: number): Uint8Array {
    const graph = new OnnxGraph();
    const [outputs] = this.weight.raw.dims as [number];
    const byte = (name: string, value: number): string =>
      graph.initializer(name, { type: 'uint8', dims: [], data: Uint8Array.of(value) });
    const inputs = [
      graph.input('x', 'uint8', this.x.raw.dims),
      graph.scalar(X.scale),
      byte('x_zero', X.zeroPoint),
      graph.initializer('weight', { type: 'int8', dims: this.weight.raw.dims, data: this.weightCodes }),
      graph.initializer('weight_scale', {
        type: 'float32',
        dims: [outputs],
        data: new Float32Array(outputs).fill(WEIGHT_SCALE),
      }),
      graph.initializer('weight_zero', { type: 'int8', dims: [outputs], data: new Int8Array(outputs) }),
      graph.scalar(scale),
      byte('y_zero', 128),
    ];
    return this.finish(graph, 'QLinearConv', inputs, 'uint8');
  }

  private finish(graph: OnnxGraph, op: string, inputs: readonly string[], type: ElementType): Uint8Array {
    const { stride, padding, groups } = this.geometry as { stride: number[]; padding: number[]; groups: number };
    graph.node(op, inputs, { strides: stride, pads: padding, group: groups }, 'y');
    graph.output('y', type, ['batch', 'channels', 'height', 'width']);
    return graph.encode();
  }
}

/** A program of one op: input x, constants behind it. */
function program(op: string, dtype: 'float32' | 'uint8', constants: readonly Operand[], attrs: Attrs): Program {
  const y = constants.length + 1;
  return {
    values: [{ name: 'x' }, ...constants.map((constant, i) => ({ name: `constant_${i}`, constant })), { name: 'y' }],
    instructions: [{ op, inputs: [0, ...constants.map((_, i) => i + 1)], outputs: [y], attrs }],
    inputs: [{ name: 'x', value: 0, dtype }],
    outputs: [{ name: 'y', value: y }],
  };
}
