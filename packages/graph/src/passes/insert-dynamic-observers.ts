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

/** Operands of an op with a dynamic int8 form: its weights, and what else must be constant to be packed with them. */
interface DynamicRole {
  readonly weights: readonly number[];
  readonly biases: readonly number[];
  /** An operand that the int8 form lacks, and what to say then. */
  readonly without?: readonly [operand: number, why: string];
}

const RECURRENT: DynamicRole = { weights: [1, 2], biases: [3, 4] };

const ROLES: Readonly<Record<string, DynamicRole>> = {
  'aten::linear': { weights: [1], biases: [2] },
  'aten::lstm_layer': { ...RECURRENT, without: [5, 'an LSTM with projections has no int8 form'] },
  'aten::gru_layer': RECURRENT,
  'aten::rnn_tanh_layer': RECURRENT,
  'aten::rnn_relu_layer': RECURRENT,
};

/**
 * Puts observers on the input and the weights of every linear and recurrent layer that a qconfig covers. A value is observed once for each
 * qconfig and role, however many ops read it. Every op gets a note that says which entry decided, or why it
 * must stay float.
 */
export function insertDynamicObservers(qconfigs: QConfigResolution): Pass {
  return (graph) => {
    const observed = new ObservedValues(graph);
    for (const node of graph.nodes()) {
      const role = Object.hasOwn(ROLES, node.op) ? ROLES[node.op] : undefined;
      if (role === undefined || node.input(0).node.op === OBSERVE) continue;
      const qconfig = qconfigs.get(node.scope);
      const isOther = qconfig !== null && (isTableQConfig(qconfig) || isWeightOnlyQConfig(qconfig));
      const obstacle = obstacleOf(node, role) ?? (isOther ? 'its qconfig is one for weights alone' : undefined);
      node.note = obstacle ?? qconfigs.explain(node.scope).replace(/^float: /, '');
      if (qconfig === null || obstacle !== undefined) continue;
      dynamicLinearAttrs(qconfig); // Refuses what is no dynamic qconfig, now instead of when converting.
      node.setInput(0, observed.observe(node.input(0), { role: 'activation', qconfig }, node));
      for (const at of role.weights) {
        node.setInput(at, observed.observe(node.input(at), { role: 'weight', qconfig }, node));
      }
    }
    return graph;
  };
}

/** Why an op cannot be quantized whatever its qconfig, or undefined. */
function obstacleOf({ inputs }: Node, { weights, biases, without }: DynamicRole): string | undefined {
  const isComputed = (at: number): boolean => {
    const value = inputs[at];
    return Boolean(value) && leafTensor(value as Value) === undefined;
  };
  if (weights.some(isComputed)) return 'its weight is computed at run time';
  if (biases.some(isComputed)) return 'its bias is computed at run time';
  return without !== undefined && inputs[without[0]] ? without[1] : undefined;
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
