import { packGroups, type QConfig } from '@octavo/observers';
import { OnnxGraph } from './graph.js';
import { asOnnx, type LinearWeights } from './layers.js';

/** Linears over weights of 8 or 4 bits as a file: MatMulNBits, which ONNX Runtime's own 4-bit quantizer writes. */
export function writeWeightOnlyLinears(linears: readonly LinearWeights[], qconfig: QConfig): Uint8Array {
  const graph = new OnnxGraph();
  let x = graph.input('x', 'float32', ['rows', linears[0]?.weight.raw.dims[1] as number]);
  for (const { name, weight, bias } of linears) {
    const [out, inner] = weight.raw.dims as [number, number];
    const { bits, groupSize, codes, scales, zeroPoints } = packGroups(weight, qconfig);
    const blocks = inner / groupSize;
    const inputs = [
      x,
      graph.initializer(`${name}.codes`, {
        type: 'uint8',
        dims: [out, blocks, (groupSize * bits) / 8],
        data: codes.raw.data,
      }),
      graph.initializer(`${name}.scales`, { ...asOnnx(scales), dims: [out * blocks] }),
      graph.initializer(`${name}.zeros`, packZeroPoints(zeroPoints.raw.data, out, blocks, bits)),
      '',
      graph.initializer(`${name}.bias`, asOnnx(bias)),
    ];
    const y = `${name}.y`;
    graph.nodeWith([y], 'MatMulNBits', inputs, { K: inner, N: out, bits, block_size: groupSize }, 'com.microsoft');
    x = y;
  }
  graph.node('Identity', [x], {}, 'y');
  graph.output('y', 'float32', ['rows', linears.at(-1)?.weight.raw.dims[0] as number]);
  return graph.encode();
}

/** Zero points of each output, below 8 bits two in a byte, the first in the lower half. */
function packZeroPoints(zeroPoints: Uint8Array, out: number, blocks: number, bits: number) {
  const perByte = 8 / bits;
  const bytes = Math.ceil(blocks / perByte);
  const data = new Uint8Array(out * bytes);
  zeroPoints.forEach((zero, i) => {
    const [row, block] = [Math.floor(i / blocks), i % blocks];
    const at = row * bytes + Math.floor(block / perByte);
    data[at] = (data[at] as number) | (zero << ((block % perByte) * bits));
  });
  return { type: 'uint8', dims: [out * bytes], data } as const;
}
