import {
  describeFactory,
  dynamicLinearAttrs,
  isTableQConfig,
  isWeightOnlyQConfig,
  type QConfig,
  type QConfigResolution,
} from '@octavo/observers';
import type { Graph } from '../ir/graph.js';
import { leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { OBSERVE, type ObserverSpec } from '../ir/observer-spec.js';
import type { Value } from '../ir/value.js';
import type { Pass } from './pass.js';

/**
 * Puts observers on the input and the weight of every linear that a qconfig covers. A value is observed once for each
 * qconfig and role, however many linears read it. Every linear gets a note that says which entry decided, or why it
 * must stay float.
 */
export function insertDynamicObservers(qconfigs: QConfigResolution): Pass {
  return (graph) => {
    const observed = new ObservedValues(graph);
    for (const node of graph.nodes()) {
      if (node.op !== 'aten::linear' || node.input(0).node.op === OBSERVE) continue;
      const qconfig = qconfigs.get(node.scope);
      const isOther = qconfig !== null && (isTableQConfig(qconfig) || isWeightOnlyQConfig(qconfig));
      const obstacle = obstacleOf(node) ?? (isOther ? 'its qconfig is one for weights alone' : undefined);
      node.note = obstacle ?? qconfigs.explain(node.scope).replace(/^float: /, '');
      if (qconfig === null || obstacle !== undefined) continue;
      dynamicLinearAttrs(qconfig); // Refuses what is no dynamic qconfig, now instead of when converting.
      node.setInput(0, observed.observe(node.input(0), { role: 'activation', qconfig }, node));
      node.setInput(1, observed.observe(node.input(1), { role: 'weight', qconfig }, node));
    }
    return graph;
  };
}

/** Why a linear cannot be quantized whatever its qconfig, or undefined. */
function obstacleOf({ inputs: [, weight, bias] }: Node): string | undefined {
  if (weight && leafTensor(weight) === undefined) return 'its weight is computed at run time';
  if (bias && leafTensor(bias) === undefined) return 'its bias is computed at run time';
  return undefined;
}

/** Observers by what they look at, so that no value is observed twice in the same way. */
class ObservedValues {
  private readonly graph: Graph;
  private readonly known = new Map<QConfig, Map<string, Value>>();

  constructor(graph: Graph) {
    this.graph = graph;
  }

  /** The observed form of `value`, made before the node that reads it first. */
  observe(value: Value, spec: ObserverSpec, before: Node): Value {
    const ofQConfig = this.known.get(spec.qconfig) ?? new Map<string, Value>();
    this.known.set(spec.qconfig, ofQConfig);
    const key = `${spec.role} ${value.id}`;
    const observed = ofQConfig.get(key) ?? this.insert(value, spec, before);
    ofQConfig.set(key, observed);
    return observed;
  }

  private insert(value: Value, spec: ObserverSpec, before: Node): Value {
    const { graph } = this;
    const observer = `_observer_${graph.observers.size}`;
    graph.observers.set(observer, spec);
    const kind = describeFactory(spec.qconfig[spec.role]);
    const outputs = [{ type: value.type, hint: 'observed' }];
    return graph.insert({ op: OBSERVE, inputs: [value], outputs, attrs: { observer, kind } }, before).output;
  }
}
