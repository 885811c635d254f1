import type { Tensor } from '@octavo/core';
import { ELEMENT_TYPES, type OnnxGraph, type OnnxTensor } from './graph.js';
import { perChannelInt8, perTensorUint8 } from './quantize-weight.js';

/** A linear's parameters: weight [out, in], bias [out]. */
export interface LinearWeights {
  readonly name: string;
  readonly weight: Tensor<'float32'>;
  readonly bias: Tensor<'float32'>;
}

/** The layers that quantization changes, written into a graph. */
export interface LayerWriter {
  /** y = x weight^T + bias; x [..., in] -> [..., out]. */
  linear(x: string, weights: LinearWeights): string;
  /** Rows of a table [entries, width]. */
  embedding(name: string, table: Tensor<'float32'>, ids: string): string;
}

/** How a graph's linears and embeddings are written. */
export type Form = 'float' | 'int8';

export function layerWriter(form: Form, graph: OnnxGraph): LayerWriter {
  return form === 'float' ? floatLayers(graph) : int8Layers(graph);
}

/** Layers as PyTorch's exporter writes them. */
function floatLayers(graph: OnnxGraph): LayerWriter {
  return {
    linear(x, { name, weight, bias }) {
      const matrix = graph.initializer(`${name}.weight`, transposed(weight));
      return addBias(graph, name, bias, graph.node('MatMul', [x, matrix]));
    },
    embedding: (name, table, ids) => graph.node('Gather', [graph.initializer(name, asOnnx(table)), ids]),
  };
}

/**
 * The same layers as ONNX Runtime's `quantize_dynamic(per_channel=True, weight_type=QInt8)` writes them: linears that
 * share an input share its DynamicQuantizeLinear. The runtime fuses the rest (MatMulIntegerToFloat and its like).
 */
function int8Layers(graph: OnnxGraph): LayerWriter {
  const quantized = new Map<string, readonly [codes: string, scale: string, zeroPoint: string]>();
  const quantize = (x: string): readonly [string, string, string] => {
    const known = quantized.get(x);
    if (known !== undefined) return known;
    const outputs = [`${x}_quantized`, `${x}_scale`, `${x}_zero_point`] as const;
    graph.nodeWith(outputs, 'DynamicQuantizeLinear', [x]);
    quantized.set(x, outputs);
    return outputs;
  };
  return {
    linear(x, { name, weight, bias }) {
      const [out, inner] = weight.raw.dims as [number, number];
      const { codes, scales } = perChannelInt8(weight.raw.data, out, inner);
      const [xCodes, xScale, xZeroPoint] = quantize(x);
      const zeroPoints: OnnxTensor = { type: 'int8', dims: [out], data: new Int8Array(out) };
      const product = graph.node('MatMulInteger', [
        xCodes,
        graph.initializer(`${name}.weight_quantized`, codes),
        xZeroPoint,
        graph.initializer(`${name}.weight_zero_point`, zeroPoints),
      ]);
      const scale = graph.node('Mul', [xScale, graph.initializer(`${name}.weight_scale`, scales)]);
      const sums = graph.node('Cast', [product], { to: ELEMENT_TYPES.float32 });
      return addBias(graph, name, bias, graph.node('Mul', [sums, scale]));
    },
    embedding(name, table, ids) {
      const { codes, scale, zeroPoint } = perTensorUint8(asOnnx(table));
      const rows = graph.node('Gather', [graph.initializer(`${name}_quantized`, codes), ids]);
      return graph.node('DequantizeLinear', [
        rows,
        graph.initializer(`${name}_scale`, scale),
        graph.initializer(`${name}_zero_point`, zeroPoint),
      ]);
    },
  };
}

/** The bias stands first, as the exporter writes it: the runtime's fusions know that order. */
function addBias(graph: OnnxGraph, name: string, bias: Tensor<'float32'>, product: string): string {
  return graph.node('Add', [graph.initializer(`${name}.bias`, asOnnx(bias)), product]);
}

/** A float32 tensor as an initializer. */
export function asOnnx(tensor: Tensor<'float32'>): OnnxTensor {
  return { type: 'float32', dims: tensor.raw.dims, data: tensor.raw.data };
}

/** [out, in] -> [in, out]: ONNX multiplies by columns. */
function transposed(weight: Tensor<'float32'>): OnnxTensor {
  const [out, inner] = weight.raw.dims as [number, number];
  const data = new Float32Array(out * inner);
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < inner; i++) data[i * out + o] = weight.raw.data[o * inner + i] as number;
  }
  return { type: 'float32', dims: [inner, out], data };
}
