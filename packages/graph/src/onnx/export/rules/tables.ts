import { float16ToFloat32, Tensor } from '@octavo/core';
import { ONNX_TYPES } from '../model-writer.js';
import type { ExportContext, ExportRule } from '../rule.js';

/**
 * Rows of a packed embedding table, without unpacking it: codes, scales and biases are looked up and give
 * code * scale + bias. ONNX of this opset has no codes under 8 bits: narrower ones take a byte each.
 */
const lookup =
  (bits: 8 | 4 | 2): ExportRule =>
  (n) => {
    const { writer } = n;
    const row = (table: string): string => writer.op('Gather', [table, n.input(1)], { axis: 0 });
    const [codes, scales, biases] = unpacked(n, bits).map(row) as [string, string, string];
    return writer.op('Add', [
      writer.op('Mul', [writer.op('Cast', [codes], { to: ONNX_TYPES.float32 }), scales]),
      biases,
    ]);
  };

/** Codes uint8 [rows, width], scales and biases float32 [rows, 1] as initializers. */
function unpacked(n: ExportContext, bits: 8 | 4 | 2): readonly string[] {
  const table = n.tensor(0);
  if (table === undefined) throw n.unsupported('its table is computed at run time');
  const { name, tensor } = table;
  return n.once(`table ${name}`, () => {
    const [rows, stride] = tensor.raw.dims as [number, number];
    const bytes = tensor.raw.data as Uint8Array;
    // Behind the codes: scale and bias, float32 for 8 bits, float16 for fewer.
    const tail = bits === 8 ? 8 : 4;
    const perByte = 8 / bits;
    const width = (stride - tail) * perByte;
    const codes = new Uint8Array(rows * width);
    const [scales, biases] = [new Float32Array(rows), new Float32Array(rows)];
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const parameter = (at: number): number =>
      bits === 8 ? view.getFloat32(at, true) : float16ToFloat32(view.getUint16(at, true));
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < width; i++) {
        const byte = bytes[row * stride + Math.floor(i / perByte)] as number;
        codes[row * width + i] = (byte >> (bits * (i % perByte))) & (2 ** bits - 1);
      }
      const at = (row + 1) * stride - tail;
      scales[row] = parameter(at);
      biases[row] = parameter(at + tail / 2);
    }
    const part = (suffix: string, values: Tensor): string => writer.initializer(`${name}.${suffix}`, values);
    const { writer } = n;
    return [
      part('codes', new Tensor('uint8', codes, [rows, width])),
      part('scales', new Tensor('float32', scales, [rows, 1])),
      part('biases', new Tensor('float32', biases, [rows, 1])),
    ];
  });
}

export const TABLE_RULES: Readonly<Record<string, ExportRule>> = {
  'quantized::embedding_2bit': lookup(2),
  'quantized::embedding_4bit': lookup(4),
  'quantized::embedding_byte': lookup(8),
};
