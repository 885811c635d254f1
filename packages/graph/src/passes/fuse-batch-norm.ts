import { batchNormAffine, Tensor } from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import { constantSpec, leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';

/**
 * batch_norm(conv(x, weight, bias)) becomes octavo::conv_affine(x, weight, bias, alpha, beta), for convolutions that a batch
 * norm of constants alone reads. The same bits: the epilogue does to a sum what the batch norm does to the convolution's
 * result. (`foldBatchNorm` puts the norm into the weight, which rounds differently.)
 */
export function fuseBatchNorm(graph: Graph): Graph {
  for (const norm of graph.nodes()) {
    const conv = norm.op === 'aten::batch_norm' ? norm.input(0).node : undefined;
    if (conv?.op !== 'aten::conv' || conv.output.onlyUser !== norm || (conv.attrs.activation ?? 0) !== 0) continue;
    const affine = affineOf(norm);
    if (affine === undefined) continue;
    const [alpha, beta] = affine.map((tensor) => graph.insert(constantSpec(tensor), norm).output);
    const fused = graph.insert(
      {
        op: 'octavo::conv_affine',
        inputs: [conv.input(0), conv.input(1), conv.inputs[2] ?? null, alpha ?? null, beta ?? null],
        outputs: [{ type: norm.output.type, hint: norm.output.hint }],
        attrs: conv.attrs,
        scope: conv.scope,
        note: conv.note,
      },
      norm,
    );
    norm.output.replaceUses(fused.output);
    norm.remove();
    conv.remove();
  }
  return graph;
}

/** alpha and beta of a batch norm; undefined where its parameters are not all constants. */
function affineOf(norm: Node): Tensor<'float32'>[] | undefined {
  const leaves = norm.inputs.slice(1).map((value) => (value ? (leafTensor(value) ?? undefined) : null));
  if (leaves.includes(undefined)) return undefined;
  const [gamma, beta, mean, variance] = leaves as Tensor[];
  if (!mean || !variance) return undefined;
  const eps = (norm.attrs.eps as number | undefined) ?? 1e-5;
  return batchNormAffine({ gamma: gamma ?? null, beta: beta ?? null, mean, variance, eps }).map(
    (values) => new Tensor('float32', values, [values.length]),
  );
}
