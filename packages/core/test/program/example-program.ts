import type { Program, ProgramValue } from '../../src/program/program.js';
import { quantizePerChannel } from '../../src/quantize.js';
import { LinearPackedParams } from '../../src/tensor/linear-packed-params.js';
import { randomTensor } from '../random-tensor.js';

/** x [batch, 4] -> gelu(linear(x)) reshaped and put through an int8 linear. Values 0 x, 1-3 constants, then temporaries. */
export function exampleProgram(): Program {
  const packed = new LinearPackedParams(
    quantizePerChannel(randomTensor([2, 6], 3), new Float32Array(2).fill(0.02), new Int32Array(2)),
    randomTensor([2], 4),
  );
  const values: ProgramValue[] = [
    { name: 'x' },
    { name: 'weight', constant: randomTensor([6, 4], 1) },
    { name: 'bias', constant: randomTensor([6], 2) },
    { name: 'packed', constant: packed },
    ...['linear', 'gelu', 'view', 'codes', 'scales', 'zeroPoints', 'y'].map((name) => ({ name })),
  ];
  return {
    values,
    instructions: [
      { op: 'aten::linear', inputs: [0, 1, 2], outputs: [4], attrs: {} },
      { op: 'aten::gelu', inputs: [4], outputs: [5], attrs: {} },
      { op: 'aten::reshape', inputs: [5], outputs: [6], attrs: { dims: [0, 1, -1] } },
      { op: 'octavo::quantize_dynamic', inputs: [6], outputs: [7, 8, 9], attrs: { scheme: 1, reduceRange: 0 } },
      { op: 'octavo::linear_quantized', inputs: [7, 8, 9, 3], outputs: [10], attrs: { activation: 0 } },
    ],
    inputs: [{ name: 'x', value: 0, dtype: 'float32' }],
    outputs: [{ name: 'y', value: 10 }],
  };
}
