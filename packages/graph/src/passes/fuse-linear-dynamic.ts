import { DYNAMIC_SCHEMES, type DynamicScheme } from '@octavo/core';
import { FreeNames } from '../ir/free-names.js';
import type { Graph } from '../ir/graph.js';
import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';
import { quantizeBehind, WeightPacker, weightQuantizer } from './pack-weight.js';

/** The ops that choose an activation's range at run time, with the scheme that the fused op then has. */
const CHOOSE_OPS: Readonly<Record<string, DynamicScheme>> = {
  'aten::_choose_qparams_per_tensor': 'perTensor',
  'octavo::choose_qparams_per_row': 'perRow',
};

/**
 * linear(dequantize(quantize(x, choose_qparams(x))), dequantize(quantize(weight)), bias) becomes
 * quantized::linear_dynamic(x, packed): int8 products instead of their float emulation. The packed weight takes the
 * place of the float weight and bias, which `graph.get` then reports as frozen.
 */
export function fuseLinearDynamic(graph: Graph): Graph {
  const packer = new WeightPacker(graph, new FreeNames(graph));
  for (const node of graph.nodes()) {
    const match = node.op === 'aten::linear' ? matchDynamicLinear(node) : undefined;
    if (match === undefined) continue;
    const fused = graph.insert(
      {
        op: 'quantized::linear_dynamic',
        inputs: [match.x, packer.pack(node, match.weight)],
        outputs: [{ type: node.output.type, hint: node.output.hint }],
        attrs: { scheme: DYNAMIC_SCHEMES[match.scheme], reduceRange: match.reduceRange, ...node.attrs },
        scope: node.scope,
        note: node.note,
      },
      node,
    );
    node.output.replaceUses(fused.output);
    node.remove();
  }
  return graph;
}

/** A value that is quantized by a range of its own, at run time, and dequantized. */
export interface DynamicInput {
  readonly x: Value;
  readonly scheme: DynamicScheme;
  readonly reduceRange: number;
}

interface DynamicLinear extends DynamicInput {
  /** The node that quantizes the weight. */
  readonly weight: Node;
}

function matchDynamicLinear(linear: Node): DynamicLinear | undefined {
  const input = matchDynamicInput(linear.input(0));
  const weight = weightQuantizer(linear);
  return input && weight && { ...input, weight };
}

export function matchDynamicInput(value: Value): DynamicInput | undefined {
  const activation = quantizeBehind(value);
  if (activation === undefined) return undefined;
  const x = activation.input(0);
  const choose = activation.input(1).node;
  const scheme = Object.hasOwn(CHOOSE_OPS, choose.op) ? CHOOSE_OPS[choose.op] : undefined;
  if (scheme === undefined || choose.input(0) !== x || activation.input(2).node !== choose) return undefined;
  return { x, scheme, reduceRange: (choose.attrs.reduceRange as number | undefined) ?? 0 };
}
