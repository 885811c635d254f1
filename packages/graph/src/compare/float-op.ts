import { CONSTANT, GET_ATTR } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import { OBSERVE } from '../ir/observer-spec.js';
import { quantizerOf } from '../ir/quantizers.js';
import { RECURRENT_FORMS } from '../passes/fuse-recurrent-dynamic.js';

/** Int8 ops whose name is not their float op's. */
const FLOAT_OPS: Readonly<Record<string, string>> = {
  'quantized::linear_dynamic': 'aten::linear',
  'quantized::lstm_layer_dynamic': 'aten::lstm_layer',
  'quantized::gru_layer_dynamic': 'aten::gru_layer',
  'quantized::rnn_tanh_layer_dynamic': 'aten::rnn_tanh_layer',
  'quantized::rnn_relu_layer_dynamic': 'aten::rnn_relu_layer',
  'quantized::embedding_byte': 'aten::embedding',
  'quantized::embedding_4bit': 'aten::embedding',
};

/**
 * The float op that an op is a form of: `quantized::max_pool2d` is one of `aten::max_pool`; float ops are their own.
 */
export function floatOpOf(op: string): string {
  return Object.hasOwn(FLOAT_OPS, op) ? (FLOAT_OPS[op] as string) : op.replace(/^quantized::(.+?)(2d)?$/, 'aten::$1');
}

/**
 * Which operand of its float op operand `index` of an op is. Int8 recurrent layers have two packed weights with their
 * biases behind x, where float ones have each by itself.
 */
export function floatIndexOf(op: string, index: number): number {
  const rest = op.startsWith('quantized::') ? RECURRENT_FORMS[floatOpOf(op)]?.rest : undefined;
  return rest === undefined || index < FIRST_AFTER_PACKED ? index : rest + index - FIRST_AFTER_PACKED;
}

const FIRST_AFTER_PACKED = 3;

const PASSING: ReadonlySet<string> = new Set(['aten::dequantize', 'quantized::requantize', OBSERVE]);

/**
 * True for nodes that hand on what they are given, in another form: the reals stay what they were, but for rounding.
 */
export function passesOn(node: Node): boolean {
  return PASSING.has(node.op) || quantizerOf(node) !== undefined;
}

const WITHOUT_TWIN: ReadonlySet<string> = new Set([
  GET_ATTR,
  CONSTANT,
  'aten::_choose_qparams_per_tensor',
  'octavo::choose_qparams_per_row',
]);

/** True for nodes that compute something a float graph computes as well. */
export function computes(node: Node): boolean {
  return !WITHOUT_TWIN.has(node.op) && !passesOn(node);
}
