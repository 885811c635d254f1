import type { nn, Tensor } from '@octavo/core';
import { OnnxGraph } from './graph.js';
import type { Form } from './layers.js';
import { perChannelInt8 } from './quantize-weight.js';

export type RecurrentKind = 'LSTM' | 'GRU';

/** Where ONNX's gates are among PyTorch's: i, o, f, c of i, f, g, o; z, r, h of r, z, n. */
const GATES: Readonly<Record<RecurrentKind, readonly number[]>> = { LSTM: [0, 3, 1, 2], GRU: [1, 0, 2] };

/**
 * One layer in one direction as a file: `x` float32 [steps, batch, in] -> `y` [steps, 1, batch, hidden]. In int8 an
 * LSTM is com.microsoft's DynamicQuantizeLSTM, as ONNX Runtime's quantizer writes it, with a scale a column.
 */
export function writeRecurrent(form: Form, kind: RecurrentKind, rnn: nn.LSTM | nn.GRU): Uint8Array {
  const graph = new OnnxGraph();
  const { inputSize, hiddenSize: hidden } = rnn;
  const order = GATES[kind];
  const rows = order.length * hidden;
  const values = (tensor: Tensor | undefined): Float32Array => gatesInOrder(tensor?.raw.data as Float32Array, order);
  const [w, r] = [values(rnn.weight_ih_l0), values(rnn.weight_hh_l0)];
  const bias = Float32Array.of(...values(rnn.bias_ih_l0), ...values(rnn.bias_hh_l0));
  const x = graph.input('x', 'float32', ['steps', 'batch', inputSize]);
  const b = graph.initializer('b', { type: 'float32', dims: [1, 2 * rows], data: bias });
  const attributes = { hidden_size: hidden, ...(kind === 'GRU' ? { linear_before_reset: 1 } : {}) };
  if (form === 'float') {
    const weight = (name: string, data: Float32Array, columns: number): string =>
      graph.initializer(name, { type: 'float32', dims: [1, rows, columns], data });
    graph.nodeWith(['y'], kind, [x, weight('w', w, inputSize), weight('r', r, hidden), b], attributes);
  } else {
    const parts = [perChannelInt8(w, rows, inputSize), perChannelInt8(r, rows, hidden)].map(({ codes, scales }, i) => ({
      codes: graph.initializer(`codes${i}`, { ...codes, dims: [1, ...codes.dims] }),
      scales: graph.initializer(`scales${i}`, { ...scales, dims: [1, rows] }),
      zeros: graph.initializer(`zeros${i}`, { type: 'int8', dims: [1, rows], data: new Int8Array(rows) }),
    }));
    const [input, recurrent] = parts as [(typeof parts)[0], (typeof parts)[0]];
    const ranges = [input.scales, input.zeros, recurrent.scales, recurrent.zeros];
    const inputs = [x, input.codes, recurrent.codes, b, '', '', '', '', ...ranges];
    graph.nodeWith(['y'], 'DynamicQuantizeLSTM', inputs, attributes, 'com.microsoft');
  }
  graph.output('y', 'float32', ['steps', 1, 'batch', hidden]);
  return graph.encode();
}

function gatesInOrder(data: Float32Array, order: readonly number[]): Float32Array {
  const block = data.length / order.length;
  const values = new Float32Array(data.length);
  order.forEach((gate, i) => void values.set(data.subarray(gate * block, (gate + 1) * block), i * block));
  return values;
}
