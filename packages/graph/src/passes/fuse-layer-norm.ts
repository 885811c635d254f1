import { leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';
import type { Pass } from './pass.js';
import { scalarOf } from './scalars.js';
import type { Shapes } from './shapes.js';

/**
 * (x - mean) / sqrt(mean((x - mean)^2) + eps) * weight + bias over the last axis, as exporters write it below operator
 * set 17, becomes `aten::layer_norm`. Weight and bias may be missing; the square may be a product or a power. The formula is
 * the same; the last bits may differ, because the op multiplies by 1 / sqrt and does the affine part in one rounding.
 */
export const fuseLayerNorm =
  (shapes: Shapes): Pass =>
  (graph) => {
    // Last first: the dims of an operand are then those of the value that the importer knew.
    for (const node of graph.nodesBackwards()) {
      const x = node.op === 'aten::div' ? normalized(node, shapes) : undefined;
      if (x === undefined) continue;
      const size = shapes(x.value)?.at(-1);
      const { last: scaled, operand: weight } = affine(node, 'aten::mul', size);
      // A bias without a weight is one as well.
      const { last, operand: bias } = affine(scaled, 'aten::add', size);
      const fused = graph.insert(
        {
          op: 'aten::layer_norm',
          inputs: [x.value, weight, bias],
          outputs: [{ type: last.output.type, hint: last.output.hint }],
          attrs: { axes: 1, eps: x.eps },
          scope: last.scope,
        },
        last,
      );
      last.output.replaceUses(fused.output);
    }
    return graph;
  };

/** x and eps where `div` is x's distance from its mean divided by its standard deviation. */
function normalized(div: Node, shapes: Shapes): { readonly value: Value; readonly eps: number } | undefined {
  const { node: root } = div.input(1);
  const value = distanceOf(div.input(0), shapes);
  if (value === undefined || root.op !== 'aten::sqrt') return undefined;
  const { node: sum } = root.input(0);
  if (sum.op !== 'aten::add') return undefined;
  for (const [i, operand] of sum.inputs.entries()) {
    const eps = scalarOf(operand as Value);
    const variance = sum.input(1 - i);
    if (eps === undefined || !(eps >= 0 && Number.isFinite(eps)) || !isMeanOfLast(variance, value, shapes)) continue;
    const squared = squareOf(variance.node.input(0));
    if (squared !== undefined && distanceOf(squared, shapes) === value) return { value, eps };
  }
  return undefined;
}

/** x where the value is x - mean(x). */
function distanceOf({ node }: Value, shapes: Shapes): Value | undefined {
  if (node.op !== 'aten::sub') return undefined;
  const [x, mean] = [node.input(0), node.input(1)];
  return isMeanOfLast(mean, x, shapes) && mean.node.input(0) === x ? x : undefined;
}

/** True for a mean over the last axis, which stays as a dim of 1; `like` has the rank of what it is taken of. */
export function isMeanOfLast({ node }: Value, like: Value, shapes: Shapes): boolean {
  const rank = shapes(like)?.length;
  if (node.op !== 'aten::mean' || node.attrs.keepDim !== 1 || rank === undefined || rank === 0) return false;
  const dims = node.attrs.dims as readonly number[];
  return dims.length === 1 && (dims[0] === -1 || dims[0] === rank - 1);
}

/** d where the value is d * d or d ^ 2. */
export function squareOf({ node }: Value): Value | undefined {
  if (node.op === 'aten::mul') return node.input(0) === node.input(1) ? node.input(0) : undefined;
  return node.op === 'aten::pow' && scalarOf(node.input(1)) === 2 ? node.input(0) : undefined;
}

/** The sum or product with a constant [size] that alone reads a node, and that constant; else the node itself. */
export function affine(node: Node, op: string, size: unknown): { readonly last: Node; readonly operand: Value | null } {
  const user = node.output.onlyUser;
  const operand = user?.op === op ? user.inputs.find((input) => input?.node !== node) : undefined;
  const tensor = operand ? leafTensor(operand) : undefined;
  const fits = tensor?.type === 'float32' && tensor.raw.dims.length === 1 && tensor.raw.dims[0] === size;
  return fits ? { last: user as Node, operand: operand as Value } : { last: node, operand: null };
}
