import { ACTIVATIONS, type QParams, STATIC_ACTIVATIONS } from '@octavo/core';
import type { Attributes } from '../ir/attributes.js';
import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';

/** Codes with the scale and zero point that are known for them. */
export interface Codes extends QParams {
  readonly value: Value;
}

/** What a static int8 op is made of. */
export interface StaticForm {
  readonly op: string;
  readonly inputs: readonly (Value | null)[];
  readonly attrs: Attributes;
}

/** What a frozen op knows: its float node, the codes of its activations, and what its result is to be. */
export interface FreezeContext {
  readonly node: Node;
  readonly x: readonly [Codes, ...Codes[]];
  readonly y: QParams;
  /** A code of `STATIC_ACTIVATIONS`, of an activation that was behind the op. */
  readonly activation: number;
  /** The packed weight and bias; only for `weighted` ops. */
  readonly packed: Value | null;
}

/**
 * - `weighted`: activation, weight and result are observed; the weight is packed.
 * - `observed`: its input and its result are observed.
 * - `propagated`: its result is observed where all its inputs are int8.
 * - `inherited`: its result has the scale and zero point of its input.
 * - `fixed`: its result has a range that is known beforehand.
 */
export type StaticKind = 'weighted' | 'observed' | 'propagated' | 'inherited' | 'fixed';

/** One float op with a static int8 form. */
export interface StaticOp {
  readonly kind: StaticKind;
  /** Activations that may follow in its epilogue, as codes of `STATIC_ACTIVATIONS`. */
  readonly epilogue?: readonly number[];
  /** Which nodes of the op the form is for; all where it is left out. */
  accepts?(node: Node): boolean;
  /** For `fixed`. */
  readonly qparams?: QParams;
  /**
   * For `inherited`, where the result is to have other qparams than the operand (`prepare` asks for no such, other tools
   * do): the operand is put into them first, which changes nothing for ops that move or pick codes; or the int8 op does
   * it itself; or there is no form, because codes would be rounded twice.
   */
  readonly rescales?: 'itself' | 'never';
  freeze(context: FreezeContext): StaticForm;
}

const { none, relu, relu6 } = STATIC_ACTIVATIONS;

const of = (prefix: string, { scale, zeroPoint }: QParams): Attributes => ({
  [`${prefix}Scale`]: scale,
  [`${prefix}ZeroPoint`]: zeroPoint,
});
const output = ({ scale, zeroPoint }: QParams): Attributes => ({ scale, zeroPoint });

function weighted(op: string, epilogue: readonly number[]): StaticOp {
  return {
    kind: 'weighted',
    epilogue,
    freeze: ({ x: [x], y, packed, activation }) => ({
      op,
      inputs: [x.value, packed],
      attrs: { ...of('x', x), ...output(y), ...(epilogue.length > 0 && { activation }) },
    }),
  };
}

function binary(op: string): StaticOp {
  return {
    kind: 'propagated',
    epilogue: [relu],
    freeze: ({ x: [a, b], y, activation }) => ({
      op,
      inputs: [a.value, (b as Codes).value],
      attrs: { ...of('a', a), ...of('b', b as Codes), ...output(y), relu: Number(activation === relu) },
    }),
  };
}

/** An op of one activation whose result has qparams of its own; other operands and attributes stay. */
function unary(op: string, kind: 'observed' | 'propagated' | 'fixed', qparams?: QParams): StaticOp {
  return {
    kind,
    ...(qparams && { qparams }),
    freeze: ({ node, x: [x], y }) => ({
      op,
      inputs: [x.value, ...node.inputs.slice(1)],
      attrs: { ...node.attrs, ...of('x', x), ...output(y) },
    }),
  };
}

/** An op that gives codes of its input's qparams; `attrs` is what it needs to know of them. */
function inherited(op: string, attrs: (x: Codes) => Attributes = () => ({})): StaticOp {
  return {
    kind: 'inherited',
    freeze: ({ node, x: [x] }) => ({ op, inputs: [x.value], attrs: { ...node.attrs, ...attrs(x) } }),
  };
}

const zeroPointOf = (x: Codes): Attributes => ({ xZeroPoint: x.zeroPoint });

/** An average in the qparams of its operand, or by `own` in others. */
function averaged(op: string, own: string, attrs: (node: Node) => Attributes): StaticOp {
  return {
    kind: 'inherited',
    rescales: 'itself',
    freeze: ({ node, x: [x], y }) => {
      const same = sameQParams(x, y);
      const qparams = same ? zeroPointOf(x) : { ...of('x', x), ...output(y) };
      return { op: same ? op : own, inputs: [x.value], attrs: { ...attrs(node), ...qparams } };
    },
  };
}

/** Average pools round as on channels-last tensors, whatever the layout (docs/numerics.md). */
const poolAttrs = ({ attrs }: Node): Attributes => ({ ...attrs, nchw: 0 });

/**
 * Float ops that static quantization has an int8 form for: PyTorch's lists (torch/csrc/jit/passes/quantization/helper.cpp)
 * as data. To add an op, add its row.
 */
export const STATIC_OPS: Readonly<Record<string, StaticOp>> = {
  'aten::linear': weighted('quantized::linear', [relu, relu6]),
  'aten::conv': weighted('quantized::conv', [relu, relu6]),
  'aten::conv_transpose': weighted('quantized::conv_transpose', []),

  'aten::batch_norm': {
    kind: 'observed',
    epilogue: [relu],
    freeze: ({ node, x: [x], y, activation }) => ({
      op: 'quantized::batch_norm',
      inputs: [x.value, ...node.inputs.slice(1)],
      attrs: { ...node.attrs, ...of('x', x), ...output(y), relu: Number(activation === relu) },
    }),
  },
  'aten::layer_norm': unary('quantized::layer_norm', 'observed'),
  'aten::group_norm': unary('quantized::group_norm', 'observed'),
  'aten::hardswish': unary('quantized::hardswish', 'observed'),
  'aten::leaky_relu': unary('quantized::leaky_relu', 'observed'),
  'aten::elu': unary('quantized::elu', 'observed'),

  'aten::gelu': unary('quantized::gelu', 'propagated'),
  'aten::gelu_tanh': unary('quantized::gelu_tanh', 'propagated'),

  'aten::add': binary('quantized::add'),
  'aten::mul': binary('quantized::mul'),
  'aten::cat': {
    kind: 'propagated',
    freeze: ({ node, x, y }) => ({
      op: 'aten::cat',
      inputs: x.map((codes) => requantized(node, codes, y)),
      attrs: node.attrs,
    }),
  },

  'aten::sigmoid': unary('quantized::sigmoid', 'fixed', { scale: 1 / 256, zeroPoint: 0 }),
  'aten::hardsigmoid': unary('quantized::hardsigmoid', 'fixed', { scale: 1 / 256, zeroPoint: 0 }),
  'aten::tanh': unary('quantized::tanh', 'fixed', { scale: 2 / 256, zeroPoint: 128 }),

  'aten::relu': inherited('quantized::relu', zeroPointOf),
  'aten::clamp': inherited('quantized::clamp', (x) => of('x', x)),
  'aten::max_pool': inherited('quantized::max_pool2d'),
  'aten::avg_pool': averaged('quantized::avg_pool2d', 'octavo::avg_pool_linear', poolAttrs),
  'aten::adaptive_avg_pool': averaged('quantized::adaptive_avg_pool2d', 'octavo::adaptive_avg_pool_linear', poolAttrs),
  'aten::mean': averaged('quantized::mean', 'octavo::mean_linear', ({ attrs }) => ({
    dims: attrs.dims ?? [],
    keepdim: attrs.keepDim ?? 0,
  })),
  'aten::pad': { ...inherited('quantized::pad', zeroPointOf), accepts: ({ attrs }) => (attrs.value ?? 0) === 0 },
  'aten::upsample_nearest': inherited('quantized::upsample_nearest2d'),
  'aten::upsample_bilinear': { ...inherited('quantized::upsample_bilinear2d', zeroPointOf), rescales: 'never' },
  'aten::reshape': inherited('aten::reshape'),
  'octavo::flatten_to_matrix': inherited('octavo::flatten_to_matrix'),
  'aten::unsqueeze': inherited('aten::unsqueeze'),
  'aten::permute': inherited('aten::permute'),
  'aten::select': inherited('aten::select'),
  'aten::slice': inherited('aten::slice'),
};

/**
 * Ops that other tools quantize besides, and whose int8 form we have: the static form of what stands in an imported graph
 * between codes, and nothing that `prepare` observes.
 */
const IMPORTED_OPS: Readonly<Record<string, StaticOp>> = {
  'aten::matmul': {
    kind: 'propagated',
    freeze: ({ x: [a, b], y }) => ({
      op: 'quantized::matmul',
      inputs: [a.value, (b as Codes).value],
      attrs: { ...of('a', a), ...of('b', b as Codes), ...output(y) },
    }),
  },
  'aten::softmax': unary('quantized::softmax', 'observed'),
  'aten::squeeze': inherited('aten::squeeze'),
};

/** The row of a node's op, or undefined. */
export function staticOpOf(node: Node): StaticOp | undefined {
  return rowOf(STATIC_OPS, node);
}

/** The row of an op between codes of an imported graph, or undefined. */
export function importedOpOf(node: Node): StaticOp | undefined {
  return rowOf(STATIC_OPS, node) ?? rowOf(IMPORTED_OPS, node);
}

function rowOf(rows: Readonly<Record<string, StaticOp>>, node: Node): StaticOp | undefined {
  const op = Object.hasOwn(rows, node.op) ? rows[node.op] : undefined;
  return op?.accepts?.(node) === false ? undefined : op;
}

/** The operands of a node that are activations: all of a list's, both of a binary op, else the first. */
export function activationsOf(node: Node, { kind }: StaticOp): readonly Value[] {
  if (kind !== 'propagated') return [node.input(0)];
  return node.inputs.map((_, i) => node.input(i));
}

/** The code of `STATIC_ACTIVATIONS` that a node stands for: relu, or a clamp from 0 to 6; none for any other node. */
export function epilogueCode({ op, attrs }: Node): number {
  if (op === 'aten::relu') return relu;
  return op === 'aten::clamp' && attrs.min === 0 && attrs.max === 6 ? relu6 : none;
}

/** The activation that a float op has in its own `activation` attribute, where int8 ops have it too. */
export function ownActivation({ attrs }: Node): number | undefined {
  const code = attrs.activation ?? ACTIVATIONS.none.code;
  return Object.values<number>(STATIC_ACTIVATIONS).find((known) => known === code);
}

export function sameQParams(a: QParams, b: QParams): boolean {
  return a.scale === b.scale && a.zeroPoint === b.zeroPoint;
}

/** Codes in other qparams: themselves where they have them. */
export function requantized(before: Node, { value, scale, zeroPoint }: Codes, y: QParams): Value {
  if (sameQParams({ scale, zeroPoint }, y)) return value;
  return before.graph.insert(
    {
      op: 'quantized::requantize',
      inputs: [value],
      outputs: [{ type: value.type, hint: 'requant' }],
      attrs: { xScale: scale, xZeroPoint: zeroPoint, ...output(y), relu: 0 },
      scope: before.scope,
    },
    before,
  ).output;
}
