import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';
import { affine, isMeanOfLast, squareOf } from './fuse-layer-norm.js';
import type { Pass } from './pass.js';
import { scalarOf } from './scalars.js';
import type { Shapes } from './shapes.js';

/**
 * x / sqrt(mean(x^2) + eps) * weight over the last axis, as exporters write the norms of LLaMA and T5, becomes
 * `aten::rms_norm`. The root may be a divisor, or a factor that is 1 through it; that form has the op's bits.
 */
export const fuseRmsNorm =
  (shapes: Shapes): Pass =>
  (graph) => {
    // Last first: the dims of an operand are then those of the value that the importer knew.
    for (const node of graph.nodesBackwards()) {
      const x = normalized(node, shapes);
      if (x === undefined) continue;
      const { last, operand: weight } = affine(node, 'aten::mul', shapes(x.value)?.at(-1));
      const fused = graph.insert(
        {
          op: 'aten::rms_norm',
          inputs: [x.value, weight],
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

/** x and eps where a node gives x through the root of the mean of its squares. */
function normalized(node: Node, shapes: Shapes): { readonly value: Value; readonly eps: number } | undefined {
  if (node.op === 'aten::div') return ofRoot(node.input(0), node.input(1), shapes);
  if (node.op !== 'aten::mul') return undefined;
  for (const index of [0, 1]) {
    const { node: inverse } = node.input(1 - index);
    const isInverse =
      inverse.op === 'aten::reciprocal' || (inverse.op === 'aten::div' && scalarOf(inverse.input(0)) === 1);
    const found = isInverse ? ofRoot(node.input(index), inverse.inputs.at(-1) as Value, shapes) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** x and eps where the root is sqrt(mean(x^2) + eps). */
function ofRoot(value: Value, { node: root }: Value, shapes: Shapes) {
  const { node: sum } = root.op === 'aten::sqrt' ? root.input(0) : { node: root };
  if (root.op !== 'aten::sqrt' || sum.op !== 'aten::add') return undefined;
  for (const [i, operand] of sum.inputs.entries()) {
    const eps = scalarOf(operand as Value);
    const mean = sum.input(1 - i);
    if (eps === undefined || !(eps >= 0 && Number.isFinite(eps)) || !isMeanOfLast(mean, value, shapes)) continue;
    if (squareOf(mean.node.input(0)) === value) return { value, eps };
  }
  return undefined;
}
