import { type Attrs, type Operand, Tensor } from '@octavo/core';
import { type Cases, dynamicScheme, floats, integer, packedWeights, type Random } from './random.js';

/** lengths, h0 and c0 (of LSTM): given or not. */
function sequence(r: Random, time: number, batch: number, widths: readonly number[]): (Operand | null)[] {
  const lengths = Tensor.from(
    Array.from({ length: batch }, () => integer(r, 0, time)),
    { dtype: 'int32' },
  );
  const states = widths.map((width) => (r() < 0.5 ? floats(r, [batch, width], r() < 0.1 ? 0.1 : 0) : null));
  return [r() < 0.4 ? lengths : null, ...states];
}

/** Sizes with few and many rows: beyond 96 the recurrent product has several blocks of rows, beyond 192 the input's has. */
function sizes(r: Random): { time: number; batch: number; input: number; hidden: number } {
  if (r() < 0.1) return { time: integer(r, 1, 2), batch: integer(r, 90, 200), input: 3, hidden: integer(r, 1, 50) };
  if (r() < 0.1) return { time: integer(r, 190, 400), batch: 1, input: 2, hidden: integer(r, 1, 18) };
  return { time: integer(r, 1, 7), batch: integer(r, 1, 9), input: integer(r, 1, 40), hidden: integer(r, 1, 70) };
}

function float(gates: number): Cases[string] {
  return (r) => {
    const { time, batch, input, hidden } = sizes(r);
    const projected = gates === 4 && r() < 0.3 ? integer(r, 1, hidden) : null;
    const width = projected ?? hidden;
    const rows = gates * hidden;
    const bias = (): Tensor | null => (r() < 0.6 ? floats(r, [rows]) : null);
    const weights = [floats(r, [rows, input]), floats(r, [rows, width]), bias(), bias()];
    const projection = gates === 4 ? [projected === null ? null : floats(r, [width, hidden])] : [];
    const states = sequence(r, time, batch, gates === 4 ? [width, hidden] : [width]);
    const x = floats(r, [time, batch, input], r() < 0.2 ? 0.02 : 0);
    return [[x, ...weights, ...projection, ...states], { reverse: integer(r, 0, 1) }];
  };
}

function dynamic(gates: number): Cases[string] {
  return (r) => {
    const { time, batch, input, hidden } = sizes(r);
    const weights = [packedWeights(r, gates * hidden, input), packedWeights(r, gates * hidden, hidden)];
    const states = sequence(r, time, batch, gates === 4 ? [hidden, hidden] : [hidden]);
    const x = floats(r, [time, batch, input], r() < 0.2 ? 0.02 : 0);
    const attrs: Attrs = { reverse: integer(r, 0, 1), ...dynamicScheme(r) };
    return [[x, ...weights, ...states], attrs];
  };
}

/** Random operands of recurrent layers. */
export const RECURRENT_CASES: Cases = {
  'aten::lstm_layer': float(4),
  'aten::gru_layer': float(3),
  'quantized::lstm_layer_dynamic': dynamic(4),
  'quantized::gru_layer_dynamic': dynamic(3),
  'aten::rnn_tanh_layer': float(1),
  'aten::rnn_relu_layer': float(1),
  'quantized::rnn_tanh_layer_dynamic': dynamic(1),
  'quantized::rnn_relu_layer_dynamic': dynamic(1),
};
