import { BAG_MODES, NO_PADDING } from '@octavo/core';
import {
  describeFactory,
  isTableQConfig,
  isWeightOnlyQConfig,
  type QConfig,
  type QConfigResolution,
} from '@octavo/observers';
import type { Graph } from '../ir/graph.js';
import { leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { OBSERVE } from '../ir/observer-spec.js';
import type { Value } from '../ir/value.js';
import type { Pass } from './pass.js';

interface WeightRole {
  /** The operand that is quantized. */
  readonly operand: number;
  covers(qconfig: QConfig): boolean;
  /** Why a node cannot have such weights, or undefined. */
  obstacle?(node: Node): string | undefined;
}

/** Ops that compute in float over quantized weights, and the qconfigs that make them so. */
const ROLES: Readonly<Record<string, WeightRole>> = {
  'aten::embedding': { operand: 0, covers: isTableQConfig },
  'aten::embedding_bag': { operand: 0, covers: isTableQConfig, obstacle: bagObstacle },
  'aten::linear': { operand: 1, covers: isWeightOnlyQConfig },
};

/** Packed tables have sums of bags that offsets cut (PyTorch's `quantized::embedding_bag_byte_rowwise_offsets`). */
function bagObstacle({ inputs, attrs }: Node): string | undefined {
  if (attrs.mode !== BAG_MODES.sum) return "a packed table has bags of mode 'sum' only";
  if (!inputs[2]) return 'a packed table takes bags by offsets only';
  return attrs.paddingIdx === NO_PADDING ? undefined : 'a packed table has no padding index';
}

/**
 * Puts an observer on the table of every embedding and bag of them, and the weight of every linear, that a qconfig for weights alone
 * covers (`floatQParamsWeightOnlyQConfig`, `weightOnlyInt4QConfig` and their like), once for each. Such qconfigs say
 * nothing of other ops.
 */
export function insertWeightObservers(qconfigs: QConfigResolution): Pass {
  return (graph) => {
    const observed = new Map<Value, Value>();
    for (const node of graph.nodes()) {
      const role = Object.hasOwn(ROLES, node.op) ? ROLES[node.op] : undefined;
      const qconfig = role === undefined ? null : qconfigs.get(node.scope);
      if (role === undefined || qconfig === null || !role.covers(qconfig)) continue;
      const obstacle = role.obstacle?.(node);
      if (obstacle !== undefined) {
        node.note = obstacle;
        continue;
      }
      const weight = node.input(role.operand);
      if (leafTensor(weight) === undefined) continue;
      const known = observed.get(weight) ?? observe(graph, weight, qconfig, node);
      observed.set(weight, known);
      node.setInput(role.operand, known);
    }
    return graph;
  };
}

function observe(graph: Graph, table: Value, qconfig: QConfig, before: Node): Value {
  const observer = `_observer_${graph.observers.size}`;
  graph.observers.set(observer, { role: 'weight', qconfig });
  const attrs = { observer, kind: describeFactory(qconfig.weight) };
  const outputs = [{ type: table.type, hint: 'observed' }];
  return graph.insert({ op: OBSERVE, inputs: [table], outputs, attrs }, before).output;
}
