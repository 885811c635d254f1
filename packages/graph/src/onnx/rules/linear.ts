import { dispatch, opByName, Tensor, withCheapestBackend, withRecorder } from '@octavo/core';
import type { GraphBuilder } from '../../import/graph-builder.js';
import type { RuleContext } from '../../import/rule.js';
import { isBlockWeight } from '../../ir/block-weight.js';
import { attributeName, GET_ATTR, leafTensor } from '../../ir/leaf-nodes.js';
import { isStoredWeight } from '../../ir/stored-weight.js';
import type { Value } from '../../ir/value.js';
import { blockLinear } from './block-linear.js';

/**
 * x times a constant matrix as `aten::linear`, which quantization knows; null where `weight` is no constant matrix.
 * The weight is stored as PyTorch has it, [out, in], under the module's name.
 */
export function linearOf(
  n: RuleContext,
  x: Value,
  weight: Value,
  { transposed: isTransposed, bias }: { transposed: boolean; bias: Value | null },
): { value: Value; hasBias: boolean } | null {
  const dims = n.builder.dims(weight);
  if (dims?.length !== 2 || n.dtype(weight) !== 'float32' || n.builder.dims(x)?.length === 0) return null;
  const turned = turnedConstant(weight);
  if (turned !== null) return linearOf(n, x, turned, { transposed: !isTransposed, bias });
  if (isBlockWeight(weight.node)) {
    const flat = bias === null ? null : vectorOf(n, bias, dims[isTransposed ? 0 : 1] as number);
    const linear = blockLinear(n, x, weight.node, { transposed: isTransposed, bias: flat });
    if (linear !== null) return { value: linear, hasBias: flat !== null };
    // No kernel takes blocks along the outputs.
    const values = n.builder.evaluated(weight) as Tensor;
    const matrix = isTransposed ? n.builder.parameter(weightName(n.builder, weight), values) : n.constant(values);
    return linearOf(n, x, matrix, { transposed: isTransposed, bias });
  }
  const tensor = n.builder.tensor(weight);
  if (tensor === undefined && !isStoredWeight(weight.node)) return null;
  const operand = isTransposed
    ? weight
    : tensor === undefined
      ? transposedCodes(n, weight)
      : transposed(n.builder, weight, tensor);
  const out = n.builder.dims(operand)?.[0];
  const flat = bias === null ? null : vectorOf(n, bias, out as number);
  return { value: n.op('aten::linear', [x, operand, flat], { activation: 0 }), hasBias: flat !== null };
}

/** The constant matrix of which a value is the transpose; null for any other value. */
function turnedConstant({ node }: Value): Value | null {
  if (node.op !== 'aten::permute') return null;
  const source = node.input(0);
  const isConstant = leafTensor(source) !== undefined || isStoredWeight(source.node) || isBlockWeight(source.node);
  return isConstant && (node.attrs.dims as readonly number[])[0] !== 0 ? source : null;
}

/** A constant bias [out], from [out] or [1, out]; null for any other. */
function vectorOf(n: RuleContext, bias: Value, out: number): Value | null {
  const tensor = n.builder.tensor(bias);
  if (tensor?.type !== 'float32' || tensor.raw.data.length !== out || tensor.raw.dims.at(-1) !== out) return null;
  return tensor.raw.dims.length === 1
    ? bias
    : n.constant(new Tensor('float32', tensor.raw.data as Float32Array, [out]));
}

/** Floats of a stored matrix of codes, turned: the codes are, and so is the axis of their scales. */
function transposedCodes({ builder }: RuleContext, { node }: Value): Value {
  const [codes, ...qparams] = node.inputs as [Value, Value, Value | null];
  const turned = transposed(builder, codes, builder.tensor(codes) as Tensor);
  const attrs = { ...node.attrs, axis: 1 - (((node.attrs.axis as number) + 2) % 2) };
  return builder.ops(node.op, [turned, ...qparams], attrs, 'never')[0] as Value;
}

const TRANSPOSED = new WeakMap<GraphBuilder, Map<Tensor, Value>>();

/** The transposed parameter, made once for each weight. */
export function transposed(builder: GraphBuilder, weight: Value, tensor: Tensor): Value {
  const known = TRANSPOSED.get(builder) ?? new Map<Tensor, Value>();
  TRANSPOSED.set(builder, known);
  const value = known.get(tensor);
  if (value !== undefined) return value;
  const [turned] = withRecorder(null, () =>
    withCheapestBackend(tensor.raw.data.length, () => dispatch(opByName('aten::permute'), [tensor], { dims: [1, 0] })),
  ) as [Tensor];
  const made = builder.parameter(weightName(builder, weight), turned);
  known.set(tensor, made);
  return made;
}

/** The name that the initializer has, or, where an exporter made one up, the module's `weight`. */
function weightName(builder: GraphBuilder, { node }: Value): string {
  const name = node.op === GET_ATTR ? attributeName(node) : '';
  const isOwn = name !== '' && !name.includes('::') && /[A-Za-z_]/.test(name);
  if (isOwn) return name;
  return builder.scope === '' ? 'weight' : `${builder.scope}.weight`;
}
