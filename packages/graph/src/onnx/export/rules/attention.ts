import { type ModelWriter, ONNX_TYPES } from '../model-writer.js';
import type { ExportContext, ExportRule } from '../rule.js';
import { type RunTimeCodes, writeRowCodes } from './run-time-codes.js';

/**
 * [batch, tokens, heads * d] with its heads apart: [batch, heads, tokens, d], or what else `perm` makes of it. Dims of 0
 * keep any batch and length.
 */
function headsApart(n: ExportContext, index: number, perm: readonly number[]): string {
  const { writer } = n;
  const split = writer.ints([0, 0, n.number('heads', 1), -1]);
  return writer.op('Transpose', [writer.op('Reshape', [n.input(index), split])], { perm });
}

function headsTogether({ writer }: ExportContext, context: string): string {
  const together = writer.op('Transpose', [context], { perm: [0, 2, 1, 3] });
  return writer.op('Reshape', [together, writer.ints([0, 0, -1])]);
}

/** softmax(products * scale + mask). */
function shares(n: ExportContext, products: string): string {
  const { writer } = n;
  const scaled = writer.op('Mul', [products, writer.scalar(n.number('scale', 1))]);
  const scores = n.has(3) ? writer.op('Add', [scaled, n.input(3)]) : scaled;
  return writer.op('Softmax', [scores], { axis: -1 });
}

const attention: ExportRule = (n) => {
  const { writer } = n;
  const products = writer.op('MatMul', [headsApart(n, 0, [0, 2, 1, 3]), headsApart(n, 1, [0, 2, 3, 1])]);
  const context = writer.op('MatMul', [shares(n, products), headsApart(n, 2, [0, 2, 1, 3])]);
  return headsTogether(n, context);
};

/** Each head of an operand [batch, n, length, width] for `groups` heads in a row: [batch, n * groups, length, width]. */
function repeated(n: ExportContext, index: number): string {
  const { writer } = n;
  const groups = n.number('groups', 1);
  if (groups === 1) return n.input(index);
  const each = writer.op('Unsqueeze', [n.input(index), writer.ints([2])]);
  const expanded = writer.op('Expand', [each, writer.ints([1, 1, groups, 1, 1])]);
  const part = (from: number, to: number): string =>
    writer.op('Slice', [shape, writer.ints([from]), writer.ints([to]), writer.ints([0])]);
  const shape = writer.op('Shape', [n.input(index)]);
  const heads = writer.op('Mul', [part(1, 2), writer.ints([groups])]);
  return writer.op('Reshape', [expanded, writer.op('Concat', [part(0, 1), heads, part(2, 4)], { axis: 0 })]);
}

const scaledDotProduct: ExportRule = (n) => {
  const { writer } = n;
  const keys = writer.op('Transpose', [repeated(n, 1)], { perm: [0, 1, 3, 2] });
  return writer.op('MatMul', [shares(n, writer.op('MatMul', [n.input(0), keys])), repeated(n, 2)]);
};

/** A key whose mask is at most this for every query is padding: `octavo::multi_head_attention_int8`. */
const MASKED = -1000;

/** largest / `steps`, or 1 where that is 0. */
function codeScale(writer: ModelWriter, largest: string, steps: number): string {
  const scale = writer.op('Div', [largest, writer.scalar(steps)]);
  return writer.op('Where', [writer.op('Equal', [scale, writer.scalar(0)]), writer.scalar(1), scale]);
}

/** rint(x / scale) between `low` and `high`, as floats. */
function steps(writer: ModelWriter, x: string, scale: string, low: number, high: number): string {
  const rounded = writer.op('Round', [writer.op('Div', [x, scale])]);
  return writer.op('Clip', [rounded, writer.scalar(low), writer.scalar(high)]);
}

/** The zero point of symmetric codes that are written as uint8. */
const MIDDLE = 128;

/**
 * Integer sums of uint8 codes `a` and symmetric steps `b`. ONNX Runtime adds pairs of products of uint8 and int8 in 16 bits
 * on CPUs without VNNI, those of uint8 and uint8 in 32.
 */
function products(writer: ModelWriter, a: string, b: string): string {
  const codes = writer.op('Cast', [writer.op('Add', [b, writer.scalar(MIDDLE)])], { to: ONNX_TYPES.uint8 });
  return writer.op('MatMulInteger', [a, codes, '', writer.scalar(MIDDLE, 'uint8')]);
}

/** Both matmuls over codes by the ranges that `octavo::multi_head_attention_int8` has, with integer sums. */
const attentionInt8: ExportRule = (n) => {
  const { writer } = n;
  const queries = writeRowCodes(writer, headsApart(n, 0, [0, 2, 1, 3]), 255);
  const p = shares(n, scoresOf(writer, queries, headsApart(n, 1, [0, 2, 3, 1])));
  const shareScale = codeScale(writer, writer.op('ReduceMax', [p], { axes: [-1], keepdims: 1 }), 255);
  const v = headsApart(n, 2, [0, 2, 1, 3]);
  const sizes = writer.op('Abs', [v]);
  const seen = n.has(3) ? writer.op('Where', [keysSeen(n), sizes, writer.scalar(0)]) : sizes;
  const valueScale = codeScale(writer, writer.op('ReduceMax', [seen], { axes: [-2], keepdims: 1 }), 127);
  const shareCodes = writer.op('Cast', [steps(writer, p, shareScale, 0, 255)], { to: ONNX_TYPES.uint8 });
  const sums = products(writer, shareCodes, steps(writer, v, valueScale, -127, 127));
  const context = writer.op('Cast', [sums], { to: ONNX_TYPES.float32 });
  return headsTogether(n, writer.op('Mul', [context, writer.op('Mul', [shareScale, valueScale])]));
};

/**
 * q k by codes, [batch, heads, queries, keys], of keys [batch, heads, d, keys], symmetric for each key. The zero points of
 * queries take the sums of the keys' codes along: MatMulInteger itself takes one a tensor.
 */
function scoresOf(writer: ModelWriter, queries: RunTimeCodes, k: string): string {
  const largest = writer.op('ReduceMax', [writer.op('Abs', [k])], { axes: [-2], keepdims: 1 });
  const scale = codeScale(writer, largest, 127);
  const codes = steps(writer, k, scale, -127, 127);
  const keySums = writer.op('ReduceSum', [writer.op('Cast', [codes], { to: ONNX_TYPES.int32 }), writer.ints([-2])]);
  const shift = writer.op('Mul', [queries.zeroPoint, keySums]);
  const sums = writer.op('Sub', [products(writer, queries.codes, codes), shift]);
  const factor = writer.op('Mul', [queries.scale, scale]);
  return writer.op('Mul', [writer.op('Cast', [sums], { to: ONNX_TYPES.float32 }), factor]);
}

/** True for keys that some query sees: [batch, heads, keys, 1], or 1 where the mask has 1. */
function keysSeen(n: ExportContext): string {
  const { writer } = n;
  const most = writer.op('ReduceMax', [n.input(3)], { axes: [2], keepdims: 1 });
  const seen = writer.op('Greater', [most, writer.scalar(MASKED)]);
  return writer.op('Transpose', [seen], { perm: [0, 1, 3, 2] });
}

export const ATTENTION_RULES: Readonly<Record<string, ExportRule>> = {
  'aten::scaled_dot_product_attention': scaledDotProduct,
  'octavo::multi_head_attention': attention,
  'octavo::multi_head_attention_int8': attentionInt8,
};
