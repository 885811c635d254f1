import { RECURRENT_ACTIVATIONS } from '@octavo/core';
import type { OnnxAttribute } from '../model-writer.js';
import type { ExportRule } from '../rule.js';

const NAMES = Object.keys(RECURRENT_ACTIVATIONS) as (keyof typeof RECURRENT_ACTIVATIONS)[];

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
    };
    for (const [name, own] of Object.entries(more)) attrs[name] = n.number(own);
    const inputs = n.node.inputs.map((input, i) => (input === null ? '' : n.input(i)));
    while (inputs.at(-1) === '') inputs.pop();
    return n.writer.ops(type, inputs, outputs, attrs);
  };

export const RECURRENT_RULES: Readonly<Record<string, ExportRule>> = {
  'octavo::gru': recurrent('GRU', 2, { linear_before_reset: 'linearBeforeReset' }),
  'octavo::lstm': recurrent('LSTM', 3),
  'octavo::rnn': recurrent('RNN', 2),
};
