import { describeFactory, isTableQConfig, type QConfig, type QConfigResolution } from '@octavo/observers';
import type { Graph } from '../ir/graph.js';
import { leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { OBSERVE } from '../ir/observer-spec.js';
import type { Value } from '../ir/value.js';
import type { Pass } from './pass.js';

/**
 * Puts an observer on the table of every embedding that a qconfig for embeddings covers
 * (`floatQParamsWeightOnlyQConfig` and its like), once for each table. Such qconfigs say nothing of other ops.
 */
export function insertTableObservers(qconfigs: QConfigResolution): Pass {
  return (graph) => {
    const observed = new Map<Value, Value>();
    for (const node of graph.nodes()) {
      if (node.op !== 'aten::embedding') continue;
      const qconfig = qconfigs.get(node.scope);
      const table = node.input(0);
      if (qconfig === null || !isTableQConfig(qconfig) || leafTensor(table) === undefined) continue;
      const known = observed.get(table) ?? observe(graph, table, qconfig, node);
      observed.set(table, known);
      node.setInput(0, known);
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
