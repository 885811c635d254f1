import { DTYPES, DYNAMIC_SCHEMES } from '@octavo/core';
import { leafTensor } from '../ir/leaf-nodes.js';
import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';
import { scalarOf } from './scalars.js';

/** An integer product whose first operand was quantized by its range at run time. */
export interface DynamicProduct {
  /** What was quantized. */
  readonly x: Value;
  /** One for the tensor, or one for each row: what sums are multiplied with. */
  readonly scale: Value;
  readonly scheme: number;
  readonly reduceRange: 0 | 1;
  /** sum of (code of x - zero point) * weight code, int32. */
  readonly sums: Value;
}

/** Scale and rounded zero point (float32) of a value's range, and the largest code. */
interface ChosenRange {
  readonly scale: Value;
  readonly zeroPoint: Value;
  readonly top: number;
}

/**
 * The forms that dynamic ranges have in ONNX files, of `octavo::matmul_integer`: the operator DynamicQuantizeLinear; and
 * what `onnx/export/rules/quantized.ts` spells out for ranges that no operator chooses, reduced ones and those of rows.
 */
export function matchDynamicProduct(product: Node): DynamicProduct | undefined {
  return ofOperator(product) ?? ofReducedRange(product) ?? ofRows(product);
}

function ofOperator({ inputs: [codes, , zero], output }: Node): DynamicProduct | undefined {
  const quantize = codes?.node;
  if (quantize?.op !== 'octavo::dynamic_quantize_linear') return undefined;
  if (codes !== quantize.outputs[0] || zero !== quantize.outputs[2]) return undefined;
  const scale = quantize.outputs[1] as Value;
  return { x: quantize.input(0), scale, scheme: DYNAMIC_SCHEMES.onnx, reduceRange: 0, sums: output };
}

/** QuantizeLinear by a range of 7 bits. */
function ofReducedRange({ inputs: [codes, , zero], output }: Node): DynamicProduct | undefined {
  const quantize = codes?.node;
  if (quantize?.op !== 'octavo::quantize_linear' || !zero || quantize.input(2) !== zero) return undefined;
  const [x, scale] = [quantize.input(0), quantize.input(1)];
  const range = isCast(zero.node, 'uint8') ? rangeOf(x, scale, [], 0) : undefined;
  if (range?.top !== REDUCED_TOP || range.zeroPoint !== zero.node.input(0)) return undefined;
  return { x, scale, scheme: DYNAMIC_SCHEMES.perTensor, reduceRange: 1, sums: output };
}

/** Codes clip(round(x / scale + zero), 0, 255); the sums lack the zero points, which take the sums of the weight along. */
function ofRows({ inputs: [codes, weight, zero, weightZero], output }: Node): DynamicProduct | undefined {
  if (zero || weightZero || !weight || codes?.node.op !== 'aten::to' || !isCast(codes.node, 'uint8')) return undefined;
  const clamped = codes.node.input(0).node;
  const rounded =
    clamped.op === 'aten::clamp' && clamped.attrs.min === 0 && clamped.attrs.max === 255 && clamped.input(0).node;
  const shifted = rounded && rounded.op === 'aten::round' ? rounded.input(0).node : undefined;
  const divided = shifted?.op === 'aten::add' ? shifted.input(0).node : undefined;
  if (shifted === undefined || divided?.op !== 'aten::div') return undefined;
  const [x, scale] = [divided.input(0), divided.input(1)];
  const range = rangeOf(x, scale, [-1], 1);
  if (range === undefined || range.zeroPoint !== shifted.input(1)) return undefined;
  const sums = output.onlyUser;
  const shift = sums?.op === 'octavo::sub_integers' && sums.input(0) === output ? sums.input(1).node : undefined;
  if (sums === undefined || shift?.op !== 'octavo::mul_integers') return undefined;
  const [rowZero, columns] = [shift.input(0).node, shift.input(1)];
  if (!isCast(rowZero, 'int32') || rowZero.input(0) !== range.zeroPoint || !areColumnSums(columns, weight))
    return undefined;
  const reduceRange = range.top === REDUCED_TOP ? 1 : 0;
  return { x, scale, scheme: DYNAMIC_SCHEMES.perRow, reduceRange, sums: sums.output };
}

const FULL_TOP = 255;
const REDUCED_TOP = 127;

/**
 * low = min(amin x, 0), span = max(amax x, 0) - low, exact = max(span / top, tiny), scale = max(exact, small),
 * zero = round(-low / exact): what the exporter writes for `chooseQParams` of core.
 */
function rangeOf(x: Value, scale: Value, dims: readonly number[], keepDim: number): ChosenRange | undefined {
  const exact = bounded(scale, 'aten::maximum');
  const steps = exact && bounded(exact.value, 'aten::maximum')?.value.node;
  const top = steps?.op === 'aten::div' ? scalarOf(steps.input(1)) : undefined;
  const span = steps?.input(0).node;
  if ((top !== FULL_TOP && top !== REDUCED_TOP) || span?.op !== 'aten::sub' || exact === undefined) return undefined;
  const [high, low] = [bounded(span.input(0), 'aten::maximum'), bounded(span.input(1), 'aten::minimum')];
  if (high?.bound !== 0 || low?.bound !== 0) return undefined;
  const isRange = [
    [high.value.node, 'aten::amax'],
    [low.value.node, 'aten::amin'],
  ].every(([node, op]) => isReduction(node as Node, op as string, x, dims, keepDim));
  // The scale's user that begins the zero point.
  const zero = isRange ? zeroPointOf(span.input(1), exact.value) : undefined;
  return zero && { scale, zeroPoint: zero, top };
}

/** round(-low / exact). */
function zeroPointOf(low: Value, exact: Value): Value | undefined {
  for (const { node } of exact.uses) {
    if (node.op !== 'aten::div' || node.input(1) !== exact) continue;
    const negated = node.input(0).node;
    const rounded = node.output.onlyUser;
    if (negated.op === 'aten::neg' && negated.input(0) === low && rounded?.op === 'aten::round') return rounded.output;
  }
  return undefined;
}

/** A value that a constant bounds. */
function bounded({ node }: Value, op: string): { value: Value; bound: number } | undefined {
  if (node.op !== op) return undefined;
  const bound = scalarOf(node.input(1));
  return bound === undefined ? undefined : { value: node.input(0), bound };
}

function isReduction(node: Node, op: string, x: Value, dims: readonly number[], keepDim: number): boolean {
  return (
    node.op === op &&
    node.input(0) === x &&
    (node.attrs.dims as readonly number[]).join() === dims.join() &&
    (node.attrs.keepDim ?? 0) === keepDim
  );
}

function isCast({ op, attrs }: Node, dtype: keyof typeof DTYPES): boolean {
  return op === 'aten::to' && attrs.dtype === DTYPES[dtype].code;
}

/** True where `sums` int32 [n] are those of the columns of a constant weight [k, n]. */
function areColumnSums(sums: Value, weight: Value): boolean {
  const [given, codes] = [leafTensor(sums), leafTensor(weight)];
  const [k = 0, n = 0] = codes?.raw.dims ?? [];
  if (given?.type !== 'int32' || codes?.raw.dims.length !== 2 || given.raw.dims.join() !== String(n)) return false;
  const data = codes.raw.data as Int8Array;
  const own = new Int32Array(n);
  for (let row = 0; row < k; row++)
    for (let j = 0; j < n; j++) own[j] = (own[j] as number) + (data[row * n + j] as number);
  return own.every((sum, j) => sum === given.raw.data[j]);
}
