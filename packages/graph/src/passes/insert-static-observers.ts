import {
  checkQatQConfig,
  checkStaticQConfig,
  defaultFusedWtFakeQuant,
  defaultWeightObserver,
  describeFactory,
  FixedQParamsFakeQuantize,
  FixedQParamsObserver,
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
import { activationsOf, epilogueCode, ownActivation, type StaticOp, staticOpOf } from '../static/static-ops.js';
import type { Pass } from './pass.js';

/**
 * Puts observers where static quantization needs a scale and zero point, as PyTorch's graph mode does
 * (torch/csrc/jit/passes/quantization/insert_observers.cpp): on the activation, the weight and the result of every op
 * with an int8 form that a qconfig covers; where a relu follows, on the relu's result instead. Every value is observed
 * once, and all that read it share its codes. Pools and reshapes keep the qparams of what they are given, and sums and
 * concatenations are observed where all their operands are int8. Every such node gets a note that says why it is
 * int8, or what keeps it float. With `fakeQuantize` the observers round what they pass on, weights too.
 */
export function insertStaticObservers(
  qconfigs: QConfigResolution,
  { fakeQuantize = false }: { fakeQuantize?: boolean } = {},
): Pass {
  const check = fakeQuantize ? checkQatQConfig : checkStaticQConfig;
  return (graph) => {
    if ([...graph.observers.values()].some(({ role }) => role === 'activation')) return graph;
    const observers = new StaticObservers(graph, fakeQuantize);
    for (const node of graph.nodes()) {
      const op = staticOpOf(node);
      if (op === undefined) continue;
      const qconfig = qconfigs.get(node.scope);
      const obstacle = obstacleOf(node, op) ?? refusal(node, qconfig, qconfigs.reason(node.scope));
      node.note = obstacle ?? qconfigs.explain(node.scope);
      if (obstacle === undefined && qconfig !== null) observers.observeOp(node, op, check(qconfig));
    }
    return graph;
  };
}

/** Why a qconfig leaves an op float, or undefined. */
function refusal({ op }: Node, qconfig: QConfig | null, reason: string): string | undefined {
  if (qconfig === null) return reason;
  if (qconfig.floatResults === true && op !== 'aten::linear') return 'its qconfig is one for linears';
  return isTableQConfig(qconfig) || isWeightOnlyQConfig(qconfig) ? 'its qconfig is one for weights alone' : undefined;
}

/** Why an op cannot be int8 whatever its qconfig, or undefined. */
function obstacleOf(node: Node, { kind }: StaticOp): string | undefined {
  if (!isFloat(node.output)) return 'its values are no float32 numbers';
  if (kind !== 'weighted') return undefined;
  const [, weight, bias] = node.inputs;
  if (weight && leafTensor(weight) === undefined) return 'its weight is computed at run time';
  if (bias && leafTensor(bias) === undefined) return 'its bias is computed at run time';
  if (ownActivation(node) === undefined) return 'its fused activation has no int8 form';
  return undefined;
}

function isFloat({ type }: Value): boolean {
  return type.kind === 'tensor' && type.dtype === 'float32';
}

/** Inserts observers, each value at most once. */
class StaticObservers {
  /** Values that will be codes: observed ones, and what ops make of them that keep their qparams. */
  private readonly int8 = new Set<Value>();

  constructor(
    private readonly graph: Graph,
    private readonly fakeQuantize: boolean,
  ) {}

  observeOp(node: Node, op: StaticOp, qconfig: QConfig): void {
    const activations = activationsOf(node, op);
    switch (op.kind) {
      case 'weighted':
        this.observeActivation(node.input(0), qconfig);
        this.observeWeight(node, qconfig);
        if (qconfig.floatResults !== true) this.observeActivation(this.resultOf(node, op), qconfig);
        break;
      case 'observed':
        this.observeActivation(node.input(0), qconfig);
        this.observeActivation(this.resultOf(node, op), qconfig);
        break;
      case 'propagated':
        if (this.allInt8(activations)) this.observeActivation(this.resultOf(node, op), qconfig);
        else node.note = 'not all its operands are int8';
        break;
      case 'inherited':
        if (this.allInt8(activations)) this.int8.add(node.output);
        // The relu of a convolution: it runs in that one's epilogue.
        else if (node.output.onlyUser?.op !== OBSERVE) node.note = 'its operand is float';
        break;
      case 'fixed':
        if (this.allInt8(activations)) this.observeActivation(node.output, { ...qconfig, activation: this.fixed(op) });
        else node.note = 'its operand is float';
        break;
    }
  }

  private allInt8(values: readonly Value[]): boolean {
    return values.every((value) => this.int8.has(value));
  }

  /** The value that an op's codes are of: its own result, or that of the relu behind it that its epilogue can do. */
  private resultOf(node: Node, { epilogue = [] }: StaticOp): Value {
    const reader = node.output.onlyUser;
    const fused = reader !== undefined && (ownActivation(node) ?? 0) === 0 && epilogue.includes(epilogueCode(reader));
    return fused ? reader.output : node.output;
  }

  private observeActivation(value: Value, qconfig: QConfig): void {
    if (this.int8.has(value)) return;
    const { graph } = this;
    // Behind the node that makes the value; an input is observed before the first node.
    const first = graph.nodes().next().value ?? graph.returnNode;
    const before = value.isInput ? first : (value.node.next as Node);
    const node = this.insert(value, 'activation', qconfig, before);
    value.replaceUses(node.output, node);
    this.int8.add(node.output);
  }

  private observeWeight(node: Node, qconfig: QConfig): void {
    const weight = node.input(1);
    if (weight.node.op === OBSERVE) return;
    const known = weight.uses.find(({ node: user }) => user.op === OBSERVE)?.node;
    // One scale for the tensor: kernels of transposed convolutions sum over several input channels' scales otherwise.
    const oneScale = this.fakeQuantize ? defaultFusedWtFakeQuant : defaultWeightObserver;
    const own = node.op === 'aten::conv_transpose' ? { ...qconfig, weight: oneScale } : qconfig;
    node.setInput(1, (known ?? this.insert(weight, 'weight', own, node)).output);
  }

  private insert(value: Value, role: 'activation' | 'weight', qconfig: QConfig, before: Node): Node {
    const { graph, fakeQuantize } = this;
    const observer = `_observer_${graph.observers.size}`;
    graph.observers.set(observer, {
      role,
      qconfig,
      ...((role === 'activation' || fakeQuantize) && { observer: qconfig[role]() }),
    });
    const kind = describeFactory(qconfig[role]);
    const outputs = [{ type: value.type, hint: fakeQuantize ? 'rounded' : 'observed' }];
    const attrs = { observer, kind, ...(fakeQuantize && { fakeQuantize: 1 }) };
    return graph.insert({ op: OBSERVE, inputs: [value], outputs, attrs }, before);
  }

  private fixed({ qparams }: StaticOp): QConfig['activation'] {
    const observer = FixedQParamsObserver.withArgs(qparams as { scale: number; zeroPoint: number });
    return this.fakeQuantize ? FixedQParamsFakeQuantize.withArgs({ observer }) : observer;
  }
}
