import { foldBatchNorm as fold, type Tensor } from '@octavo/core';
import { FreeNames } from '../ir/free-names.js';
import type { Graph } from '../ir/graph.js';
import { attributeName, attributeSpec, GET_ATTR, leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';

/** Ops that a batch norm folds into, with the axis of the weight that output channels lie along. */
const CHANNEL_AXES: Readonly<Record<string, number>> = {
  'aten::conv': 0,
  'aten::conv_transpose': 1,
  'aten::linear': 0,
};

/**
 * batch_norm(conv(x, weight, bias)) becomes conv(x, weight', bias'), for convolutions and linears that a batch norm alone
 * reads. The folded weight keeps its name. Rounds differently from the two ops, as PyTorch's folding does.
 */
export function foldBatchNorm(graph: Graph): Graph {
  const names = new FreeNames(graph);
  const readers = parameterReaders(graph);
  for (const norm of graph.nodes()) {
    const conv = norm.op === 'aten::batch_norm' ? norm.input(0).node : undefined;
    if (conv === undefined || !Object.hasOwn(CHANNEL_AXES, conv.op)) continue;
    if (conv.output.onlyUser !== norm || (conv.attrs.activation ?? 0) !== 0) continue;
    const folded = foldedParameters(conv, norm);
    if (folded === undefined) continue;
    /** A leaf of `tensor` under `name`, or under a free name like it where others read that as well. */
    const replaced = (old: Value | null, name: string, tensor: Tensor): Value => {
      const mine = old !== null && parameterName(old) === name && old.onlyUser === conv && readers.get(name) === 1;
      const free = mine ? name : names.find(name);
      graph.parameters.set(free, tensor);
      return graph.insert(attributeSpec(free, tensor), conv).output;
    };
    const weightName = parameterName(conv.input(1));
    const owner = weightName?.slice(0, Math.max(weightName.lastIndexOf('.') + 1, 0)) ?? scoped(conv);
    conv.setInput(1, replaced(conv.input(1), weightName ?? `${owner}weight`, folded.weight));
    const oldBias = conv.inputs[2] ?? null;
    const biasName = (oldBias && parameterName(oldBias)) ?? `${owner}bias`;
    conv.setInput(2, replaced(oldBias, biasName, folded.bias));
    norm.output.replaceUses(conv.output);
    norm.remove();
  }
  return graph;
}

/** The weight and bias of a convolution or linear with a batch norm in them; undefined where they are not all constants. */
export function foldedParameters(conv: Node, norm: Node): ReturnType<typeof fold> | undefined {
  const leaves = [conv.input(1), conv.inputs[2], ...norm.inputs.slice(1)].map((value) =>
    value ? (leafTensor(value) ?? undefined) : null,
  );
  // A transposed convolution in groups repeats its output channels along the weight's axis.
  const repeats = conv.op === 'aten::conv_transpose' && conv.attrs.groups !== 1;
  if (leaves.includes(undefined) || repeats) return undefined;
  const [weight, bias, gamma, beta, mean, variance] = leaves as (Tensor | null)[];
  return fold(
    weight as Tensor,
    bias ?? null,
    {
      mean: mean as Tensor,
      variance: variance as Tensor,
      gamma: gamma ?? null,
      beta: beta ?? null,
      eps: norm.attrs.eps as number,
    },
    { channelAxis: CHANNEL_AXES[conv.op] as number },
  );
}

function parameterName({ node }: Value): string | undefined {
  return node.op === GET_ATTR ? attributeName(node) : undefined;
}

function scoped({ scope }: Node): string {
  return scope === '' ? '' : `${scope}.`;
}

/** How many nodes read each parameter. */
function parameterReaders(graph: Graph): Map<string, number> {
  const readers = new Map<string, number>();
  for (const node of graph.nodes()) {
    if (node.op === GET_ATTR) readers.set(attributeName(node), (readers.get(attributeName(node)) ?? 0) + 1);
  }
  return readers;
}
