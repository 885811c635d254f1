import type { TensorProto } from '../../src/onnx/gen/onnx_pb.js';
import { modelBytes, type NodeInput, tensorProto } from './build-model.js';

/** Element types of ONNX. */
export const UINT8 = 2;
export const INT8 = 3;
const INT32 = 6;

export type CodesType = typeof UINT8 | typeof INT8;

/** Numbers that are the same in every run. */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Writes models of QuantizeLinear and DequantizeLinear pairs, or of QLinear operators, as other tools do. */
export class QuantizedModel {
  readonly nodes: NodeInput[] = [];
  readonly initializers: TensorProto[] = [];
  private readonly random = generator(7);
  private count = 0;

  constructor(readonly activations: CodesType = UINT8) {}

  constant(dims: readonly number[], values: readonly number[], type = 1): string {
    const name = this.fresh('c');
    this.initializers.push(tensorProto(name, dims, values, type));
    return name;
  }

  node(op: string, inputs: readonly string[], attrs: NodeInput['attrs'] = {}, domain = ''): string {
    const out = this.fresh(op);
    this.nodes.push({ op, in: inputs, out: [out], attrs, domain });
    return out;
  }

  /** Scale and zero point, given for uint8, in the type of the activations. */
  qparams(scale: number, zeroPoint: number): [string, string] {
    const zero = this.activations === INT8 ? zeroPoint - 128 : zeroPoint;
    return [this.constant([], [scale]), this.constant([], [zero], this.activations)];
  }

  quantized(x: string, scale: number, zeroPoint: number): string {
    return this.node('QuantizeLinear', [x, ...this.qparams(scale, zeroPoint)]);
  }

  /** x through codes. */
  through(x: string, scale: number, zeroPoint: number): string {
    const qparams = this.qparams(scale, zeroPoint);
    return this.node('DequantizeLinear', [this.node('QuantizeLinear', [x, ...qparams]), ...qparams]);
  }

  /** Codes of a weight, its scales and zero points; along an axis, or one of each. */
  codes(dims: readonly number[], axis: number | null, type: CodesType = INT8): [string, string, string] {
    const size = dims.reduce((a, b) => a * b, 1);
    const lay = axis === null ? [] : [dims[axis] as number];
    const count = lay[0] ?? 1;
    const codes = Array.from({ length: size }, () => Math.floor(this.random() * 255) - (type === INT8 ? 127 : 0));
    const scales = Array.from({ length: count }, () => Math.fround(0.002 + this.random() * 0.004));
    const zeros = Array.from({ length: count }, () => (type === INT8 ? 0 : 127));
    return [this.constant(dims, codes, type), this.constant(lay, scales), this.constant(lay, zeros, type)];
  }

  weight(dims: readonly number[], axis: number | null, type: CodesType = INT8): string {
    return this.node('DequantizeLinear', this.codes(dims, axis, type), axis === null ? {} : { axis });
  }

  /** An int32 bias as codes. */
  biasCodes(out: number): string {
    return this.constant(
      [out],
      Array.from({ length: out }, () => Math.floor(this.random() * 2000 - 1000)),
      INT32,
    );
  }

  /** A weight and its bias as floats: the bias has the scale of the sums, `xScale` times the weight's. */
  weightAndBias(dims: readonly number[], axis: number | null, type: CodesType, xScale: number): [string, string] {
    const codes = this.codes(dims, axis, type);
    const scale = this.node('Mul', [codes[1], this.constant([], [xScale])]);
    const attrs: NodeInput['attrs'] = axis === null ? {} : { axis };
    const bias = this.node('DequantizeLinear', [this.biasCodes(dims[0] as number), scale], attrs);
    return [this.node('DequantizeLinear', codes, attrs), bias];
  }

  /** The model of input `x` and one output. */
  bytes(x: readonly (number | string)[], output: string, opset = 17): Uint8Array {
    const nodes = [...this.nodes, { op: 'Identity', in: [output], out: ['y'] }];
    return modelBytes({ inputs: { x }, initializers: this.initializers, nodes, outputs: ['y'] }, opset);
  }

  private fresh(stem: string): string {
    return `${stem}_${this.count++}`;
  }
}
