import {
  ACTIVATIONS,
  type Attrs,
  type ConvPackedParams,
  type Instruction,
  type LinearPackedParams,
  type Program,
  rint,
  type Tensor,
} from '@octavo/core';
import { OnnxGraph, type OnnxTensor } from './graph.js';
import { asOnnx } from './layers.js';

/**
 * Our program of an image classifier as a file: float32 `x` of the given dims -> `y` [1, classes]. A float program
 * becomes what PyTorch's exporter writes. A static int8 one becomes what ONNX Runtime's
 * `quantize_static(QuantFormat.QDQ, per_channel=True)` writes, with the ranges of ours: every activation through
 * QuantizeLinear and DequantizeLinear, weights as int8 with a scale a channel, biases as int32; no ReLU or Clip where
 * the quantized range does the same.
 */
export function writeProgram(program: Program, dims: readonly number[], classes: number): Uint8Array {
  const writer = new ProgramWriter(program, dims);
  for (const instruction of program.instructions) writer.write(instruction);
  return writer.finish(classes);
}

/** What a rule sees of one instruction: names of float values, and constants. */
interface Operands {
  readonly graph: OnnxGraph;
  readonly attrs: Attrs;
  /** The float value of operand `i`. */
  readonly value: (i: number) => string;
  readonly constant: (i: number) => unknown;
  /** A float32 operand as an initializer. */
  readonly weight: (i: number) => string;
  /** A float value through 8-bit codes and back. */
  readonly throughCodes: (x: string, scale: number, zeroPoint: number) => string;
  /** A name of this instruction's own. */
  readonly name: string;
}

/** How an op is written; gives the name of its float result. To add one: a row here. */
const RULES: Readonly<Record<string, (operands: Operands) => string>> = {
  'aten::conv': ({ graph, attrs, value, weight, constant }) =>
    graph.node('Conv', [value(0), weight(1)], convAttributes(attrs, (constant(1) as Tensor).raw.dims.slice(2))),
  'octavo::conv_affine': ({ graph, attrs, value, weight, constant, name }) => {
    const kernel = (constant(1) as Tensor).raw.dims.slice(2);
    const [channels] = (constant(3) as Tensor).raw.dims as [number];
    // The norm's own statistics are in alpha and beta.
    const statistics = [0, 1].map((v) =>
      graph.initializer(`${name}_${v}`, {
        type: 'float32',
        dims: [channels],
        data: new Float32Array(channels).fill(v),
      }),
    );
    const conv = graph.node('Conv', [value(0), weight(1)], convAttributes(attrs, kernel));
    const norm = graph.node('BatchNormalization', [conv, weight(3), weight(4), ...statistics], {
      epsilon: { float: 0 },
    });
    if (attrs.activation === ACTIVATIONS.relu.code) return graph.node('Relu', [norm]);
    if (attrs.activation === ACTIVATIONS.relu6.code)
      return graph.node('Clip', [norm, graph.scalar(0), graph.scalar(6)]);
    return norm;
  },
  'aten::batch_norm': ({ graph, attrs, value, weight }) => {
    const parameters = [1, 2, 3, 4].map(weight);
    return graph.node('BatchNormalization', [value(0), ...parameters], { epsilon: { float: attrs.eps as number } });
  },
  'aten::relu': ({ graph, value }) => graph.node('Relu', [value(0)]),
  'aten::clamp': ({ graph, attrs, value }) =>
    graph.node('Clip', [value(0), graph.scalar(attrs.min as number), graph.scalar(attrs.max as number)]),
  'aten::add': ({ graph, value }) => graph.node('Add', [value(0), value(1)]),
  'aten::max_pool': ({ graph, attrs, value }) => graph.node('MaxPool', [value(0)], poolAttributes(attrs)),
  'aten::adaptive_avg_pool': ({ graph, value }) => graph.node('GlobalAveragePool', [value(0)]),
  'aten::reshape': ({ graph, attrs, value }) =>
    graph.node('Reshape', [value(0), graph.integers(...(attrs.dims as number[]))]),
  'aten::linear': ({ graph, value, weight }) => graph.node('Gemm', [value(0), weight(1), weight(2)], { transB: 1 }),
  'aten::quantize_per_tensor': ({ value, constant, throughCodes }) =>
    throughCodes(value(0), first(constant(1)), first(constant(2))),
  'aten::dequantize': ({ value }) => value(0),
  'quantized::conv': (operands) => {
    const packed = operands.constant(1) as ConvPackedParams;
    const attributes = convAttributes(packed, packed.kernel);
    return quantized(
      operands,
      operands.graph.node('Conv', [operands.value(0), ...parametersOf(operands, packed)], attributes),
    );
  },
  'quantized::linear': (operands) => {
    const parameters = parametersOf(operands, operands.constant(1) as LinearPackedParams);
    return quantized(operands, operands.graph.node('Gemm', [operands.value(0), ...parameters], { transB: 1 }));
  },
  'quantized::add': (operands) =>
    quantized(operands, operands.graph.node('Add', [operands.value(0), operands.value(1)])),
};

/** Ops of codes that keep their scale: the float op between the same codes. */
const KEEPING: Readonly<Record<string, string>> = {
  'quantized::max_pool2d': 'aten::max_pool',
  'quantized::adaptive_avg_pool2d': 'aten::adaptive_avg_pool',
  'aten::reshape': 'aten::reshape',
};

class ProgramWriter {
  private readonly graph = new OnnxGraph();
  private readonly names = new Map<number, string>();
  /** Scale and zero point of the values that are codes. */
  private readonly qparams = new Map<number, readonly [scale: number, zeroPoint: number]>();

  constructor(
    private readonly program: Program,
    dims: readonly number[],
  ) {
    const [input] = program.inputs;
    this.names.set(input?.value as number, this.graph.input('x', 'float32', dims));
  }

  write({ op, inputs, outputs: [output = -1], attrs }: Instruction): void {
    const { graph } = this;
    const constant = (i: number): unknown => this.program.values[inputs[i] as number]?.constant;
    const operands: Operands = {
      graph,
      attrs,
      constant,
      value: (i) => this.names.get(inputs[i] as number) as string,
      weight: (i) => graph.initializer(`w${inputs[i]}`, asOnnx(constant(i) as Tensor<'float32'>)),
      name: `w${inputs[1]}`,
      throughCodes: (x, scale, zeroPoint) => {
        this.qparams.set(output, [scale, zeroPoint]);
        return throughCodes(graph, x, `v${output}`, scale, zeroPoint);
      },
    };
    const kept = this.qparams.get(inputs[0] as number);
    const keeps = kept === undefined ? undefined : KEEPING[op];
    const rule = RULES[keeps ?? op];
    if (rule === undefined) throw new Error(`no rule writes ${op} as ONNX; the rules are in bench/src/onnx/program.ts`);
    const y = rule(operands);
    this.names.set(output, keeps === undefined ? y : operands.throughCodes(y, ...(kept as [number, number])));
  }

  finish(classes: number): Uint8Array {
    const [output] = this.program.outputs;
    this.graph.node('Identity', [this.names.get(output?.value as number) as string], {}, 'y');
    this.graph.output('y', 'float32', [1, classes]);
    return this.graph.encode();
  }
}

/** The result of a quantized op; an activation is in the range of its codes already. */
function quantized({ attrs, throughCodes: through }: Operands, y: string): string {
  return through(y, attrs.scale as number, attrs.zeroPoint as number);
}

function throughCodes(graph: OnnxGraph, x: string, name: string, scale: number, zeroPoint: number): string {
  const qparams = [
    graph.initializer(`${name}_scale`, { type: 'float32', dims: [], data: Float32Array.of(scale) }),
    graph.initializer(`${name}_zero_point`, { type: 'uint8', dims: [], data: Uint8Array.of(zeroPoint) }),
  ];
  return graph.node('DequantizeLinear', [graph.node('QuantizeLinear', [x, ...qparams]), ...qparams]);
}

/** Weight and bias behind DequantizeLinear: int8 and, of scale x scale * weight scale, int32. */
function parametersOf({ graph, attrs, name }: Operands, packed: ConvPackedParams | LinearPackedParams): string[] {
  const { weight } = packed;
  const [out] = weight.dims as [number];
  const scales = Float32Array.from({ length: out }, (_, i) => weight.scales[weight.axis === null ? 0 : i] as number);
  const dequantized = (part: string, codes: OnnxTensor, data: Float32Array, zeros: OnnxTensor): string =>
    graph.node(
      'DequantizeLinear',
      [
        graph.initializer(`${name}.${part}_quantized`, codes),
        graph.initializer(`${name}.${part}_scale`, { type: 'float32', dims: [out], data }),
        graph.initializer(`${name}.${part}_zero_point`, zeros),
      ],
      { axis: 0 },
    );
  const codes = weight.values.raw.data as Int8Array;
  const parameters = [
    dequantized('weight', { type: 'int8', dims: weight.dims, data: codes }, scales, {
      type: 'int8',
      dims: [out],
      data: new Int8Array(out),
    }),
  ];
  if (packed.bias !== null) {
    const biasScales = scales.map((scale) => scale * (attrs.xScale as number));
    const data = Int32Array.from(packed.bias.raw.data, (value, i) => rint(value / (biasScales[i] as number)));
    const zeros: OnnxTensor = { type: 'int32', dims: [out], data: new Int32Array(out) };
    parameters.push(dequantized('bias', { type: 'int32', dims: [out], data }, biasScales, zeros));
  }
  return parameters;
}

/** Of a convolution's attributes, or of its packed parameters, which have the same names. */
function convAttributes({ stride, padding, dilation, groups }: Attrs | ConvPackedParams, kernel: readonly number[]) {
  return {
    kernel_shape: kernel,
    strides: stride as number[],
    pads: padding as number[],
    dilations: dilation as number[],
    group: groups as number,
  };
}

/** Pads of one number an axis stand for both sides. */
function poolAttributes({ kernel, stride, padding }: Attrs) {
  const pads = padding as number[];
  const sides = pads.length === (kernel as number[]).length ? [...pads, ...pads] : pads;
  return { kernel_shape: kernel as number[], strides: stride as number[], pads: sides };
}

function first(constant: unknown): number {
  return Number((constant as Tensor).raw.data[0]);
}
