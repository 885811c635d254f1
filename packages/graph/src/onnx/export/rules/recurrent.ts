import { RECURRENT_ACTIVATIONS, Tensor } from '@octavo/core';
import { ACTIVATION_PARAMETERS, type ActivationName } from '../../rules/recurrent-activations.js';
import type { OnnxAttribute } from '../model-writer.js';
import type { ExportContext, ExportRule } from '../rule.js';

const NAMES = Object.keys(RECURRENT_ACTIVATIONS) as ActivationName[];

/** ONNX's recurrent operators, whose operands ours have in ONNX's order. */
const recurrent =
  (type: string, outputs: number, more: Readonly<Record<string, string>> = {}): ExportRule =>
  (n) => {
    const clip = n.number('clip');
    const direction = n.dims(1)?.[0] === 2 ? 'bidirectional' : n.number('reverse') === 1 ? 'reverse' : 'forward';
    const attrs: Record<string, OnnxAttribute> = {
      hidden_size: n.number('hidden'),
      direction: { text: direction },
      activations: {
        texts: n
          .list('activations')
          .map((code) => NAMES.find((name) => RECURRENT_ACTIVATIONS[name] === code) as string),
      },
      ...(clip > 0 && { clip: { float: clip } }),
      ...parameters(n, 'alpha'),
      ...parameters(n, 'beta'),
      ...(n.number('inputForget') === 1 && { input_forget: 1 }),
    };
    for (const [name, own] of Object.entries(more)) attrs[name] = n.number(own);
    const inputs = n.node.inputs.map((input, i) => (input === null ? '' : n.input(i)));
    while (inputs.at(-1) === '') inputs.pop();
    return n.writer.ops(type, inputs, outputs, attrs);
  };

/** The numbers of those activations that have some: ONNX's list leaves the others out. */
function parameters(n: ExportContext, which: 'alpha' | 'beta'): Record<string, OnnxAttribute> {
  const values = (n.node.attrs[which] ?? []) as readonly number[];
  const floats = n.list('activations').flatMap((code, i) => {
    const name = NAMES.find((each) => RECURRENT_ACTIVATIONS[each] === code) as ActivationName;
    return ACTIVATION_PARAMETERS[name]?.[which] === undefined ? [] : [values[i] ?? 0];
  });
  return floats.length === 0 ? {} : { [`activation_${which}`]: { floats } };
}

/** A leaf's rows of gates in ONNX's order, behind a first dimension for the direction. */
function reordered(n: ExportContext, index: number, order: readonly number[]): Float32Array | null {
  if (!n.has(index)) return null;
  const leaf = n.tensor(index);
  if (leaf === undefined) throw n.unsupported(`operand ${index} is computed at run time`);
  const data = leaf.tensor.raw.data as Float32Array;
  const block = data.length / order.length;
  const values = new Float32Array(data.length);
  order.forEach((gate, i) => void values.set(data.subarray(gate * block, (gate + 1) * block), i * block));
  return values;
}

/** One direction of a layer, whose gates ONNX has in another order: i, o, f, c and z, r, h. */
const layer =
  (
    type: 'LSTM' | 'GRU' | 'RNN',
    order: readonly number[],
    more: Readonly<Record<string, OnnxAttribute>> = {},
  ): ExportRule =>
  (n) => {
    const isLstm = type === 'LSTM';
    if (isLstm && n.has(5)) throw n.unsupported('ONNX has no LSTM with projections');
    const [lengths, states] = isLstm ? [6, [7, 8]] : [5, [6]];
    const weight = (index: number): string => {
      const dims = n.dims(index) as readonly number[];
      const values = reordered(n, index, order) as Float32Array;
      return n.writer.initializer(n.nameOf(n.node.input(index)), new Tensor('float32', values, [1, ...dims]));
    };
    const gates = (n.dims(1) as readonly number[])[0] as number;
    const hidden = gates / order.length;
    const biases = [3, 4].map((index) => reordered(n, index, order) ?? new Float32Array(gates));
    const bias = new Tensor('float32', Float32Array.from([...(biases[0] ?? []), ...(biases[1] ?? [])]), [1, 2 * gates]);
    const axis = (at: number): string =>
      n.writer.initializer('axis', new Tensor('int64', BigInt64Array.of(BigInt(at)), [1]));
    const inputs = [
      ...[n.input(0), weight(1), weight(2), n.writer.initializer('bias', bias)],
      n.has(lengths) ? n.input(lengths) : '',
      ...states.map((at) => (n.has(at) ? n.writer.op('Unsqueeze', [n.input(at), axis(0)]) : '')),
    ];
    while (inputs.at(-1) === '') inputs.pop();
    const direction = { text: n.number('reverse') === 1 ? 'reverse' : 'forward' };
    const attrs = { hidden_size: hidden, direction, ...more };
    const outputs = n.writer.ops(type, inputs, states.length + 1, attrs);
    return outputs.map((output, i) => n.writer.op('Squeeze', [output, axis(i === 0 ? 1 : 0)]));
  };

export const RECURRENT_RULES: Readonly<Record<string, ExportRule>> = {
  'aten::gru_layer': layer('GRU', [1, 0, 2], { linear_before_reset: 1 }),
  'aten::lstm_layer': layer('LSTM', [0, 3, 1, 2]),
  'aten::rnn_relu_layer': layer('RNN', [0], { activations: { texts: ['Relu'] } }),
  'aten::rnn_tanh_layer': layer('RNN', [0]),
  'octavo::gru': recurrent('GRU', 2, { linear_before_reset: 'linearBeforeReset' }),
  'octavo::lstm': recurrent('LSTM', 3),
  'octavo::rnn': recurrent('RNN', 2),
};
