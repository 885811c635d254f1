import {
  type Attrs,
  ConvPackedParams,
  type Dims,
  DTYPES,
  type Instruction,
  type Program,
  type ProgramValue,
  sizeOf,
  Tensor,
} from '@octavo/core';

// Which values of a program lie channels-last. Convolutions write them so, what comes after keeps the order as long as
// its kernel knows it, and conversions stand where it ends.

/**
 * How an op's kernel treats channels-last operands of rank 3 to 5; an op that is not here takes and gives row-major data.
 * writes: takes its image in either order and writes channels-last.
 * follows: writes the order of its first operand.
 * mixes: takes any orders, writes channels-last where one operand is.
 * joins: as mixes, where all operands agree and are joined along the channels.
 * reads: takes either order, writes row-major.
 */
type LayoutRule = 'writes' | 'follows' | 'mixes' | 'joins' | 'reads';

const RULES: Readonly<Record<LayoutRule, readonly string[]>> = {
  writes: ['quantized::conv', 'quantized::conv_transpose', 'aten::conv', 'octavo::conv_affine'],
  follows: [
    ...['gelu', 'relu', 'tanh', 'sigmoid', 'erf', 'exp', 'sqrt', 'neg', 'sin', 'cos', 'gelu_tanh'].map(
      (name) => `aten::${name}`,
    ),
    ...['batch_norm', 'max_pool', 'avg_pool', 'adaptive_avg_pool'].map((name) => `aten::${name}`),
    ...['clamp', 'hardswish', 'hardsigmoid', 'elu', 'leaky_relu', 'silu'].map((name) => `aten::${name}`),
    ...['quantize_per_tensor', 'dequantize'].map((name) => `aten::${name}`),
    ...['quantize_linear', 'dequantize_linear', 'avg_pool_linear', 'adaptive_avg_pool_linear'].map(
      (name) => `octavo::${name}`,
    ),
    ...['add_scalar', 'mul_scalar', 'requantize', 'relu', 'clamp', 'threshold'].map((name) => `quantized::${name}`),
    ...['leaky_relu', 'hardswish', 'hardsigmoid', 'sigmoid', 'tanh', 'elu'].map((name) => `quantized::${name}`),
    ...['max_pool2d', 'avg_pool2d', 'adaptive_avg_pool2d'].map((name) => `quantized::${name}`),
    ...['upsample_nearest2d', 'upsample_bilinear2d', 'batch_norm'].map((name) => `quantized::${name}`),
  ],
  mixes: ['aten::add', 'aten::sub', 'aten::mul', 'aten::div', 'quantized::add', 'quantized::mul', 'octavo::add_linear'],
  joins: ['aten::cat'],
  reads: ['quantized::mean', 'octavo::mean_linear'],
};

const RULE_OF = new Map(
  Object.entries(RULES).flatMap(([rule, names]) => names.map((name) => [name, rule as LayoutRule] as const)),
);

/** Whether an op takes its operands in the order they have, and whether it writes channels-last. */
export interface Layout {
  readonly inputs: boolean;
  readonly output: boolean;
}

/** Whether a tensor of these dims is an image [batch, channels, ...spatial], which may lie channels-last. */
export function hasChannels(dims: Dims): boolean {
  return dims.length >= 3 && dims.length <= 5;
}

/** The layouts of one call of an op, by the rank of each operand that is channels-last; null for the others. */
export function layoutOf(op: string, channelsLast: readonly (number | null)[], attrs: Attrs): Layout {
  const rule = RULE_OF.get(op);
  // Weights are packed from row-major memory.
  if (rule === 'writes') return { inputs: channelsLast.slice(1).every((rank) => rank === null), output: true };
  if (op === 'octavo::to_layout') return { inputs: true, output: attrs.channelsLast === 1 };
  const [first] = channelsLast;
  if (channelsLast.every((rank) => rank === null)) return { inputs: true, output: false };
  if (rule === undefined || !knowsChannels(op, attrs, first ?? 0)) return { inputs: false, output: false };
  if (rule === 'reads') return { inputs: true, output: false };
  if (rule === 'mixes') return { inputs: true, output: true };
  const kept = rule === 'follows' ? first !== null : !channelsLast.includes(null);
  return { inputs: kept, output: kept };
}

/** Attributes with which an op does the same to every channel of a tensor of that rank, or joins along them. */
function knowsChannels(op: string, attrs: Attrs, rank: number): boolean {
  if (op === 'aten::cat') return attrs.dim === 1;
  if (op === 'aten::dequantize') return attrs.axis === -1;
  if (op === 'aten::quantize_per_tensor') return attrs.dtype !== DTYPES.int32.code;
  // Scales may lie along an axis: channels-last memory has that of the channels at hand.
  if (op === 'octavo::quantize_linear' || op === 'octavo::dequantize_linear')
    return attrs.axis === 1 && !attrs.blockSize;
  // Windows and sizes are of the last axes: where there are as many as all but one, the second axis is no channels.
  const spatial = attrs.kernel ?? attrs.outputSize ?? attrs.size;
  return !Array.isArray(spatial) || rank >= spatial.length + 2;
}

/**
 * The program with `octavo::to_layout` where a channels-last value meets an op that takes row-major ones, or leaves the
 * program; and which values are channels-last. Codes that a convolution takes are quantized into its order at once.
 */
export function assignLayouts(program: Program): { program: Program; channelsLast: ReadonlySet<number> } {
  const values: ProgramValue[] = [...program.values];
  const instructions: Instruction[] = [];
  // By value, with the least rank that it may have.
  const channelsLast = new Map<number, number>();
  const converted = new Map<number, number>();
  const rowMajor = (value: number): number => {
    if (!channelsLast.has(value)) return value;
    const known = converted.get(value);
    if (known !== undefined) return known;
    const copy = values.push({ name: `${values[value]?.name} row-major` }) - 1;
    instructions.push({ op: 'octavo::to_layout', inputs: [value], outputs: [copy], attrs: { channelsLast: 0 } });
    converted.set(value, copy);
    return copy;
  };
  const wanted = imagesOfConvolutions(program);
  for (const instruction of program.instructions) {
    const { op, inputs, outputs, attrs } = instruction;
    const layout = layoutOf(
      op,
      inputs.map((value) => channelsLast.get(value) ?? null),
      attrs,
    );
    const fused = makesBytes(program, instruction) && wanted.has(outputs[0] as number);
    instructions.push(layout.inputs ? instruction : { ...instruction, inputs: inputs.map(rowMajor) });
    if (!layout.output && !fused) continue;
    const rank = Math.max(rankOfImages(program, instruction), ...inputs.map((value) => channelsLast.get(value) ?? 0));
    for (const value of outputs) channelsLast.set(value, rank);
  }
  const outputs = program.outputs.map((output) => ({ ...output, value: rowMajor(output.value) }));
  return { program: { ...program, values, instructions, outputs }, channelsLast: new Set(channelsLast.keys()) };
}

/** The rank that a convolution's constant weight says; 3, the least, where nothing does. */
function rankOfImages({ values }: Program, { op, inputs }: Instruction): number {
  const weight = RULE_OF.get(op) === 'writes' ? values[inputs[1] as number]?.constant : undefined;
  if (ConvPackedParams.is(weight)) return weight.rank + 2;
  return Tensor.is(weight) ? weight.raw.dims.length : 3;
}

/** True for a quantize op that makes codes of 8 bits with one scale, in either order. */
function makesBytes({ values }: Program, { op, inputs, attrs }: Instruction): boolean {
  if (attrs.dtype === DTYPES.int32.code) return false;
  if (op !== 'octavo::quantize_linear') return op === 'aten::quantize_per_tensor';
  const scale = values[inputs[1] as number]?.constant;
  return Tensor.is(scale) && sizeOf(scale.raw.dims) === 1 && scale.raw.dims.length <= 1;
}

/** Values that a convolution takes as its image. */
function imagesOfConvolutions({ instructions }: Program): Set<number> {
  const images = instructions.filter(({ op }) => RULE_OF.get(op) === 'writes').map(({ inputs }) => inputs[0] as number);
  return new Set(images);
}
