import {
  type Attrs,
  type Dims,
  type Instruction,
  type Operand,
  opByName,
  type Program,
  type ProgramValue,
  Tensor,
  type TensorMeta,
} from '@octavo/core';
import { dynamicScheme, floats, groupedWeight, integer, packedWeights, type Random } from './random.js';

/** A program under construction: values with the shapes they have for the example input. */
export class Builder {
  readonly values: ProgramValue[] = [];
  readonly metas: (TensorMeta | undefined)[] = [];
  readonly instructions: Instruction[] = [];

  value(meta: TensorMeta | undefined, constant?: Operand): number {
    const name = `%${this.values.length}`;
    this.values.push(constant === undefined ? { name } : { name, constant });
    return this.metas.push(meta) - 1;
  }

  constant(operand: Operand): number {
    return this.value(Tensor.is(operand) ? { dtype: operand.type, dims: operand.raw.dims } : undefined, operand);
  }

  op(op: string, inputs: number[], attrs: Attrs): number[] {
    const operands = inputs.map((v) => (v < 0 ? null : (this.values[v]?.constant ?? (this.metas[v] as TensorMeta))));
    const metas = opByName(op).infer(
      operands.map((x) => (Tensor.is(x) ? { dtype: x.type, dims: x.raw.dims } : x)),
      attrs,
    );
    const outputs = metas.map((meta) => this.value(meta));
    this.instructions.push({ op, inputs, outputs, attrs });
    return outputs;
  }

  dims(value: number): Dims {
    return (this.metas[value] as TensorMeta).dims;
  }
}

type Step = (b: Builder, r: Random, hidden: number) => number;

/** Ways to go on from a hidden state [batch, length, width] to another of the same shape. */
const STEPS: Step[] = [
  (b, r, x) => linear(b, r, x, width(b, x)),
  (b, r, x) => linear(b, r, linear(b, r, x, integer(r, 1, 40)), width(b, x)),
  (b, r, x) => linearInt8(b, r, x, width(b, x)),
  (b, r, x) => linearInt8(b, r, linearInt8(b, r, x, integer(r, 1, 70)), width(b, x)),
  (b, r, x) => {
    const w = [width(b, x)];
    return first(
      b.op('aten::layer_norm', [x, b.constant(floats(r, w)), b.constant(floats(r, w))], { axes: 1, eps: 1e-5 }),
    );
  },
  (b, r, x) =>
    first(b.op(['aten::gelu', 'aten::tanh', 'aten::relu', 'aten::sigmoid'][integer(r, 0, 3)] as string, [x], {})),
  (b, _, x) => first(b.op('aten::softmax', [x], { dim: -1 })),
  (b, r, x) => first(b.op('aten::add', [x, b.constant(floats(r, [width(b, x)]))], {})),
  (b, _, x) => first(b.op('aten::mul', [x, x], {})),
  (b, r, x) => {
    const heads = [1, 2, 3].filter((h) => width(b, x) % h === 0);
    const attrs = { heads: heads[integer(r, 0, heads.length - 1)] as number, scale: 0.5 };
    return first(
      b.op(
        'octavo::multi_head_attention',
        [linear(b, r, x, width(b, x)), x, linearInt8(b, r, x, width(b, x)), -1],
        attrs,
      ),
    );
  },
  (b, _, x) => {
    const flat = first(b.op('aten::reshape', [x], { dims: [-1, width(b, x)] }));
    return first(b.op('aten::reshape', [flat], { dims: [...b.dims(x)] }));
  },
  (b, _, x) => {
    const turned = first(b.op('aten::permute', [x], { dims: [0, 2, 1] }));
    const product = first(b.op('aten::matmul', [x, turned], {}));
    return first(b.op('aten::matmul', [product, x], {}));
  },
  (b, _, x) => {
    const [scale, zero] = b.op('octavo::choose_qparams_per_row', [x], { reduceRange: 0 }) as [number, number];
    const codes = first(b.op('octavo::quantize_per_row', [x, scale, zero], {}));
    return first(b.op('aten::dequantize', [codes, scale, zero], { axis: -2 }));
  },
  (b, r, x) => {
    const middle = integer(r, 0, width(b, x));
    const end = 2 ** 31;
    const left = first(b.op('aten::slice', [x], { dim: 2, start: 0, end: middle, step: 1 }));
    const right = first(b.op('aten::slice', [x], { dim: 2, start: middle, end, step: 1 }));
    return first(b.op('aten::cat', [right, left], { dim: 2 }));
  },
  (b, r, x) => {
    const out = 2 * integer(r, 1, 30);
    return linearWeightOnly(b, r, linearWeightOnly(b, r, x, out), width(b, x));
  },
  (b, r, x) => {
    const [heads, mask] = [
      width(b, x) % 2 === 0 ? 2 : 1,
      r() < 0.5 ? floats(r, [1, 1, 1, b.dims(x)[1] as number]) : null,
    ];
    const operands = [linear(b, r, x, width(b, x)), x, x, mask === null ? -1 : b.constant(mask)];
    return first(b.op('octavo::multi_head_attention_int8', operands, { heads, scale: 0.5 }));
  },
  (b, r, x) => first(b.op('aten::log_softmax', [x], { dim: integer(r, 0, 2) })),
  (b, r, x) => {
    const op = ['aten::mean', 'aten::sum', 'aten::amax', 'aten::amin'][integer(r, 0, 3)] as string;
    const dims = [[1], [2], [1, 2], [0]][integer(r, 0, 3)] as number[];
    return first(b.op('aten::sub', [x, first(b.op(op, [x], { dims, keepDim: 1 }))], {}));
  },
  (b, r, x) => {
    const turned = first(b.op('aten::flip', [x], { dims: [integer(r, 0, 2)] }));
    const test = first(b.op(['aten::lt', 'aten::le', 'aten::eq'][integer(r, 0, 2)] as string, [x, turned], {}));
    return first(b.op('aten::where', [test, x, first(b.op('aten::maximum', [turned, x], {}))], {}));
  },
  (b, r, x) => {
    const dim = integer(r, 0, 2);
    const size = b.dims(x)[dim] as number;
    const rows = Array.from({ length: size }, () => integer(r, -size, size - 1));
    return first(b.op('octavo::take', [x, b.constant(Tensor.from(rows, { dtype: 'int64' }))], { dim }));
  },
  (b, r, x) => {
    const one = first(b.op('aten::slice', [x], { dim: 1, start: 0, end: 1, step: 1 }));
    const repeats = b.dims(x).map((dim, i) => (i === 1 ? dim : 1));
    const wide =
      r() < 0.5 ? b.op('aten::expand', [one], { dims: [...b.dims(x)] }) : b.op('aten::repeat', [one], { repeats });
    return first(b.op('octavo::slice_like', [first(wide), x], { dim: 1, likeDim: 1 }));
  },
  (b, r, x) => {
    const [before, after] = [integer(r, 0, 2), integer(r, -1, 2)];
    return first(b.op('aten::pad', [x], { padding: [before, after, -before, -after], value: 1 }));
  },
];

export function first(values: number[]): number {
  return values[0] as number;
}

function width(b: Builder, x: number): number {
  return b.dims(x).at(-1) as number;
}

function linear(b: Builder, r: Random, x: number, out: number): number {
  const bias = r() < 0.5 ? b.constant(floats(r, [out])) : -1;
  return first(
    b.op('aten::linear', [x, b.constant(floats(r, [out, width(b, x)])), bias], { activation: integer(r, 0, 3) }),
  );
}

/** Of an even width: 4-bit codes lie two in a byte. */
function linearWeightOnly(b: Builder, r: Random, x: number, out: number): number {
  const { operands, attrs } = groupedWeight(r, out, width(b, x));
  return first(
    b.op('octavo::linear_weight_only', [x, ...operands.map((operand) => b.constant(operand)), -1], {
      ...attrs,
      activation: integer(r, 0, 3),
    }),
  );
}

function linearInt8(b: Builder, r: Random, x: number, out: number): number {
  const attrs = dynamicScheme(r);
  const quantized = b.op('octavo::quantize_dynamic', [x], attrs);
  const packed = b.constant(packedWeights(r, out, width(b, x)));
  return first(b.op('octavo::linear_quantized', [...quantized, packed], { activation: integer(r, 0, 3) }));
}

/** A random program over one input [batch, length, width], with residual sums and two outputs, and its input. */
export function randomProgram(r: Random): { program: Program; input: Tensor } {
  const b = new Builder();
  const dims = [integer(r, 1, 3), integer(r, 1, 6), [6, 12, 16, 18][integer(r, 0, 3)] as number];
  const input = b.value({ dtype: 'float32', dims });
  const states = [input];
  for (let i = integer(r, 1, 6); i > 0; i--) {
    const from = states[integer(r, 0, states.length - 1)] as number;
    const next = (STEPS[integer(r, 0, STEPS.length - 1)] as Step)(b, r, from);
    states.push(r() < 0.3 ? first(b.op('aten::add', [next, from], {})) : next);
  }
  const last = states.at(-1) as number;
  const pooled = first(b.op('aten::select', [last], { dim: 1, index: 0 }));
  const program: Program = {
    values: b.values,
    instructions: b.instructions,
    inputs: [{ name: 'x', value: input, dtype: 'float32' }],
    outputs: [
      { name: 'last', value: last },
      { name: 'pooled', value: pooled },
    ],
  };
  return { program, input: floats(r, dims) };
}
