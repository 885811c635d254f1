import { inverseScale, type QParams, quantizeValue, STATIC_ACTIVATIONS } from '@octavo/core';
import type { Attributes } from '../ir/attributes.js';
import type { Graph } from '../ir/graph.js';
import type { Node } from '../ir/node.js';
import { staticQParams } from '../ir/static-qparams.js';

/** Codes that pass: all below become `low`, all above `high`. */
type Limits = readonly [low: number, high: number];

const ALL: Limits = [0, 255];
const { none, relu, relu6 } = STATIC_ACTIVATIONS;

/** The attributes of each clamp that an op's epilogue has: the int8 ops' `activation`, or `relu` as 0 and 1. */
const ACTIVATIONS: readonly Attributes[] = [{ activation: none }, { activation: relu }, { activation: relu6 }];
const RELU: readonly Attributes[] = [{ relu: 0 }, { relu: 1 }];

const EPILOGUES: Readonly<Record<string, readonly Attributes[]>> = {
  'quantized::add': RELU,
  'quantized::batch_norm': RELU,
  'quantized::conv': ACTIVATIONS,
  'quantized::linear': ACTIVATIONS,
  'quantized::mul': RELU,
  'quantized::requantize': RELU,
};

/**
 * A clamp of uint8 codes goes into the epilogue of the int8 op before it, where that has the same limits: of any bounds,
 * because what counts is the codes that they are. A clamp that lets all codes through goes altogether. Changes no code.
 */
export function foldClamps(graph: Graph): Graph {
  for (const node of graph.nodes()) {
    const limits = clampLimits(node);
    if (limits === undefined) continue;
    const x = node.input(0);
    if (!sameLimits(limits, ALL)) {
      const attrs = x.onlyUser === node ? withLimits(x.node, limits) : undefined;
      if (attrs === undefined) continue;
      x.node.attrs = attrs;
    }
    node.output.replaceUses(x);
    node.remove();
  }
  return graph;
}

/** The limits of a node that clamps uint8 codes and does nothing else. */
function clampLimits({ op, attrs, output }: Node): Limits | undefined {
  if (output.type.kind !== 'tensor' || output.type.dtype !== 'quint8') return undefined;
  if (op === 'quantized::relu') return [attrs.xZeroPoint as number, 255];
  if (op !== 'quantized::clamp') return undefined;
  const qparams = { scale: attrs.xScale as number, zeroPoint: attrs.xZeroPoint as number };
  return [codeOf(attrs.min as number, qparams), codeOf(attrs.max as number, qparams)];
}

/** The attributes of an op that clamps by its own limits, then by these; undefined where it has no such form. */
function withLimits({ op, attrs, output }: Node, [low, high]: Limits): Attributes | undefined {
  const epilogues = Object.hasOwn(EPILOGUES, op) ? (EPILOGUES[op] as readonly Attributes[]) : undefined;
  const qparams = epilogues && staticQParams(output);
  if (epilogues === undefined || qparams === undefined) return undefined;
  const [ownLow, ownHigh] = limitsOf(attrs, qparams);
  const both: Limits = [Math.max(low, ownLow), Math.min(high, ownHigh)];
  const found = epilogues.find((epilogue) => sameLimits(limitsOf(epilogue, qparams), both));
  return found && { ...attrs, ...found };
}

/** The limits of an epilogue: core's `staticRequantization`, and the `relu` of other ops. */
function limitsOf({ activation = none, relu: isRelu = 0 }: Attributes, qparams: QParams): Limits {
  const low = activation === none && isRelu === 0 ? 0 : qparams.zeroPoint;
  return [low, activation === relu6 ? codeOf(6, qparams) : 255];
}

function codeOf(bound: number, { scale, zeroPoint }: QParams): number {
  return quantizeValue(Math.fround(bound), inverseScale(scale), zeroPoint, ...ALL);
}

function sameLimits(a: Limits, b: Limits): boolean {
  return a[0] === b[0] && a[1] === b[1];
}
