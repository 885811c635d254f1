import { Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { decodeGraph } from '../../src/file/decode-graph.js';
import { encodeGraph } from '../../src/file/encode-graph.js';
import { coverage, importOnnx, toDot } from '../../src/index.js';
import { bits } from '../models.js';
import { runInOrt } from './ort.js';
import { type CodesType, generator, INT8, QuantizedModel, UINT8 } from './qdq-builder.js';

function image(dims: readonly number[]): Tensor {
  const random = generator(3);
  const size = dims.reduce((a, b) => a * b, 1);
  return new Tensor(
    'float32',
    Float32Array.from({ length: size }, () => random() * 4 - 2),
    dims,
  );
}

/** A residual block, a pool and a classifier, as quantizers of ONNX Runtime write them. */
function residual(type: CodesType, axis: 0 | null, weights: CodesType = INT8): { file: Uint8Array; x: Tensor } {
  const m = new QuantizedModel(type);
  const x = m.through('x', 4 / 255, 128);
  const conv = (from: string, xScale: number, inC: number, groups = 1): string => {
    const pair = m.weightAndBias([8, inC / groups, 3, 3], axis, weights, xScale);
    return m.node('Conv', [from, ...pair], { pads: [1, 1, 1, 1], group: groups });
  };
  const stem = m.through(m.node('Relu', [conv(x, 4 / 255, 3)]), 0.03, 0);
  const pooled = m.through(m.node('MaxPool', [stem], { kernel_shape: [2, 2], strides: [2, 2] }), 0.03, 0);
  const branch = m.through(conv(pooled, 0.03, 8, 8), 0.05, 120);
  const sum = m.through(m.node('Relu', [m.node('Add', [branch, pooled])]), 0.04, 0);
  const mean = m.through(m.node('GlobalAveragePool', [sum]), 0.02, 3);
  const flat = m.through(m.node('Flatten', [mean]), 0.02, 3);
  const gemm = m.node('Gemm', [flat, ...m.weightAndBias([5, 8], axis, weights, 0.02)], { transB: 1 });
  return { file: m.bytes(['batch', 3, 8, 8], m.through(gemm, 0.02, 130)), x: image([2, 3, 8, 8]) };
}

/** Every function of codes that is no product. */
function functions(type: CodesType): { file: Uint8Array; x: Tensor } {
  const m = new QuantizedModel(type);
  const x = m.through('x', 4 / 255, 128);
  const clipped = m.through(m.node('Clip', [x, m.constant([], [-1]), m.constant([], [1.25])]), 0.011, 120);
  const leaky = m.through(m.node('LeakyRelu', [x], { alpha: { float: 0.1 } }), 0.012, 30);
  const joined = m.through(m.node('Concat', [clipped, leaky], { axis: 1 }), 0.013, 90);
  const swish = m.through(m.node('Mul', [joined, m.through(m.node('Sigmoid', [joined]), 1 / 256, 0)]), 0.01, 40);
  const average = m.node('AveragePool', [swish], { kernel_shape: [2, 2], strides: [2, 2] });
  const pooled = m.through(average, 0.0083, 50);
  const turned = m.through(m.node('Transpose', [pooled], { perm: [0, 2, 3, 1] }), 0.0083, 50);
  const shaped = m.through(m.node('Reshape', [turned, m.constant([2], [0, -1], 7)]), 0.0083, 50);
  return { file: m.bytes(['batch', 3, 8, 8], shaped), x: image([2, 3, 8, 8]) };
}

/** Products of MatMul: with a constant and a sum behind it, and of two activations with a softmax between. */
function products(type: CodesType, axis: 1 | null): { file: Uint8Array; x: Tensor } {
  const m = new QuantizedModel(type);
  const x = m.through('x', 4 / 255, 128);
  const product = m.through(m.node('MatMul', [x, m.weight([6, 6], axis)]), 0.02, 128);
  const bias = m.node('DequantizeLinear', [m.constant([6], [1, 9, 100, 127, 60, 7], type), ...m.qparams(0.01, 128)]);
  const q = m.through(m.node('Add', [product, bias]), 0.025, 126);
  const k = m.through(m.node('Transpose', [q], { perm: [0, 2, 1] }), 0.025, 126);
  const scores = m.through(m.node('MatMul', [q, k]), 0.1, 100);
  const weights = m.through(m.node('Softmax', [scores], { axis: -1 }), 1 / 256, 0);
  const mixed = m.through(m.node('MatMul', [weights, q]), 0.02, 128);
  return { file: m.bytes(['batch', 5, 6], mixed), x: image([2, 5, 6]) };
}

/** A transposed convolution, and the form that tools write for weights: floats through a QuantizeLinear of their own. */
function transposed(type: CodesType): { file: Uint8Array; x: Tensor } {
  const m = new QuantizedModel(type);
  const x = m.through('x', 4 / 255, 128);
  const up = m.node('ConvTranspose', [x, m.weight([3, 4, 2, 2], null)], { strides: [2, 2] });
  const wider = m.node('ConvTranspose', [m.through(up, 0.02, 128), m.weight([4, 4, 1, 1], 1)]);
  const codes = m.through(wider, 0.02, 128);
  const random = generator(11);
  const values = Array.from({ length: 4 * 2 * 4 }, () => random() - 0.5);
  const qparams = [m.constant([], [0.004]), m.constant([], [0], INT8)];
  const stored = m.node('QuantizeLinear', [m.constant([4, 4, 1, 2], values), ...qparams]);
  const weight = m.node('DequantizeLinear', [stored, ...qparams]);
  return {
    file: m.bytes(['batch', 3, 5, 5], m.through(m.node('Conv', [codes, weight]), 0.02, 128)),
    x: image([1, 3, 5, 5]),
  };
}

/** The operators of com.microsoft and QLinearConv, QLinearMatMul. */
function operators(type: CodesType): { file: Uint8Array; x: Tensor } {
  const m = new QuantizedModel(type);
  const ms = 'com.microsoft';
  const input = m.qparams(4 / 255, 128);
  const x = m.node('QuantizeLinear', ['x', ...input]);
  const y = m.qparams(0.03, 110);
  const conv = m.node('QLinearConv', [x, ...input, ...m.codes([4, 3, 3, 3], 0), ...y, m.biasCodes(4)]);
  const pooled = m.node('MaxPool', [conv], { kernel_shape: [2, 2], strides: [1, 1] });
  const sum = m.qparams(0.05, 100);
  const added = m.node('QLinearAdd', [pooled, ...y, pooled, ...y, ...sum], {}, ms);
  const leaky = m.qparams(0.0413, 60);
  const bent = m.node('QLinearLeakyRelu', [added, ...sum, ...leaky], { alpha: { float: 0.2 } }, ms);
  const gate = m.qparams(1 / 256, 0);
  const sigmoid = m.node('QLinearSigmoid', [bent, ...leaky, ...gate], {}, ms);
  const scaled = m.qparams(0.03, 50);
  const product = m.node('QLinearMul', [bent, ...leaky, sigmoid, ...gate, ...scaled], {}, ms);
  const joined = m.qparams(0.04, 80);
  const both = m.node('QLinearConcat', [...joined, product, ...scaled, added, ...sum], { axis: 1 }, ms);
  const means = m.qparams(0.02, 90);
  const mean = m.node('QLinearGlobalAveragePool', [both, ...joined, ...means], { channels_last: 0 }, ms);
  const flat = m.node('Flatten', [mean]);
  const logits = m.qparams(0.02, 128);
  const gemm = m.node('QGemm', [flat, ...means, ...m.codes([6, 8], 0), m.biasCodes(6), ...logits], { transB: 1 }, ms);
  const last = m.qparams(0.03, 120);
  const matmul = m.node('QLinearMatMul', [gemm, ...logits, ...m.codes([6, 4], null), ...last]);
  return {
    file: m.bytes(['batch', 3, 8, 8], m.node('DequantizeLinear', [matmul, ...last])),
    x: image([2, 3, 8, 8]),
  };
}

const MODELS: Readonly<Record<string, () => { file: Uint8Array; x: Tensor }>> = {
  'a residual network, uint8': () => residual(UINT8, 0),
  'a residual network, int8': () => residual(INT8, 0),
  'a residual network, one scale a weight': () => residual(UINT8, null),
  'a residual network, uint8 weights': () => residual(UINT8, null, UINT8),
  'functions of uint8 codes': () => functions(UINT8),
  'functions of int8 codes': () => functions(INT8),
  'products of uint8 codes': () => products(UINT8, null),
  'products of int8 codes, scales of columns': () => products(INT8, 1),
  'a transposed convolution': () => transposed(UINT8),
  'QLinear operators of uint8': () => operators(UINT8),
};

describe('models that other tools quantized statically', () => {
  it.each(Object.keys(MODELS))('%s: codes alone between the ends, and the results of ONNX Runtime', async (name) => {
    const { file, x } = (MODELS[name] as (typeof MODELS)[string])();
    const graph = await importOnnx(file);
    expect(graph.stage).toBe('quantized');
    const ops = [...graph.nodes()].map(({ op }) => op).filter((op) => !op.startsWith('prim::'));
    expect(ops.filter((op) => /::(de)?quantize(_linear)?$/.test(op))).toEqual([
      'octavo::quantize_linear',
      'aten::dequantize',
    ]);
    expect(coverage(graph).rows.filter(({ precision }) => precision !== 'int8')).toEqual([]);
    expect(toDot(graph)).not.toMatch(/aten::(conv|linear|matmul|add|mul)\b/);

    const [got, expected] = [graph.run({ x }), await runInOrt(file, { x })].map(({ y }) => y as Tensor);
    expect(got?.dims).toEqual(expected?.dims);
    const steps = codeSteps(got as Tensor, expected as Tensor);
    expect(Math.max(...steps)).toBeLessThanOrEqual(1);
    // Codes at ties alone: ONNX divides where int8 kernels multiply.
    expect(steps.filter((step) => step !== 0).length / steps.length).toBeLessThan(0.02);

    const loaded = decodeGraph(encodeGraph(graph), name);
    expect(loaded.stage).toBe('quantized');
    expect(bits(loaded.run({ x }).y)).toEqual(bits(got));
  });
});

/** Products that have no int8 form: each beside a convolution that has one. */
const ISLANDS: Readonly<Record<string, (m: QuantizedModel, codes: string) => string>> = {
  'its weight is not quantized in the ONNX file': (m, codes) => {
    const weight = m.constant([2, 4, 1, 1], [1, 2, 3, 4, 5, 6, 7, 8]);
    return m.through(m.node('Conv', [codes, weight]), 0.3, 128);
  },
  'its input is not quantized in the ONNX file': (m, codes) =>
    m.through(m.node('Conv', [m.node('Tanh', [codes]), m.weight([2, 4, 1, 1], 0)]), 0.02, 128),
  'its result is not quantized: aten::exp reads it': (m, codes) =>
    m.node('Exp', [m.node('Conv', [codes, m.weight([2, 4, 1, 1], 0)])]),
  'its result is read as floats as well': (m, codes) => {
    const y = m.node('Conv', [codes, m.weight([2, 4, 1, 1], 0)]);
    return m.node('Concat', [m.through(y, 0.02, 128), y], { axis: 1 });
  },
  'its weight has scales along axis 1': (m, codes) =>
    m.through(m.node('ConvTranspose', [codes, m.weight([4, 2, 1, 1], 1)], { group: 2 }), 0.02, 128),
  'its bias is not constant': (m, codes) => {
    const bias = m.node('ReduceMean', [codes], { axes: [0, 2, 3], keepdims: 0 });
    return m.through(m.node('Conv', [codes, m.weight([4, 4, 1, 1], 0), bias]), 0.02, 128);
  },
};

describe('float islands of such models', () => {
  it.each(Object.keys(ISLANDS))('%s: coverage says so, and the results are those of ONNX Runtime', async (reason) => {
    const m = new QuantizedModel(UINT8);
    const first = m.node('Conv', [m.through('x', 4 / 255, 128), m.weight([4, 3, 3, 3], 0)], { pads: [1, 1, 1, 1] });
    const y = (ISLANDS[reason] as (typeof ISLANDS)[string])(m, m.through(first, 0.03, 128));
    const file = m.bytes(['batch', 3, 8, 8], y);
    const graph = await importOnnx(file);
    expect(coverage(graph).rows.map(({ precision, reason }) => [precision, reason])).toEqual([
      ['int8', 'static'],
      ['float32', reason],
    ]);
    const x = image([2, 3, 8, 8]);
    const [got, expected] = [graph.run({ x }), await runInOrt(file, { x })].map(({ y }) => y as Tensor);
    const values = expected?.raw.data as Float32Array;
    const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    const errors = Array.from(got?.raw.data as Float32Array, (v, i) => Math.abs(v - (values[i] as number)) / most);
    // One code at a tie, of some 200 that are used.
    expect(Math.max(...errors)).toBeLessThan(0.01);
  });
});

/** Differences in steps of the smallest one between two values. */
function codeSteps(a: Tensor, b: Tensor): number[] {
  const values = [...new Set(b.raw.data as Float32Array)].sort((x, y) => x - y);
  const step = values.slice(1).reduce((least, x, i) => Math.min(least, x - (values[i] as number)), 1);
  return Array.from(a.raw.data as Float32Array, (x, i) => Math.round(Math.abs(x - Number(b.raw.data[i])) / step));
}
