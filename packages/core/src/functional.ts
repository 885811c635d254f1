import { OctavoError } from './errors.js';
import { type Float, run } from './functional/run.js';
import { ACTIVATIONS, type ActivationName } from './ops/activation.js';
import { arangeLike as arangeLikeOp } from './ops/arange-like.js';
import { attention } from './ops/attention.js';
import { to as toOp } from './ops/cast.js';
import { cat as catOp } from './ops/cat.js';
import * as chooseOps from './ops/choose-qparams.js';
import { dispatch } from './ops/dispatch.js';
import * as elementwise from './ops/elementwise.js';
import { embedding as embeddingOp } from './ops/embedding.js';
import * as layout from './ops/layout.js';
import { linear as linearOp } from './ops/linear.js';
import * as dynamicOps from './ops/linear-dynamic.js';
import { matmul as matmulOp } from './ops/matmul.js';
import { layerNorm as layerNormOp, softmax as softmaxOp } from './ops/normalize.js';
import type { Attrs } from './ops/op-def.js';
import * as quantizeOps from './ops/quantize.js';
import * as reshapeOps from './ops/reshape.js';
import { rmsNorm as rmsNormOp } from './ops/rms-norm.js';
import { scaledDotProductAttention as scaledDotProductAttentionOp } from './ops/scaled-dot-product-attention.js';
import * as unary from './ops/unary.js';
import { checkDType, DTYPES, type DType } from './tensor/dtype.js';
import type { LinearPackedParams } from './tensor/linear-packed-params.js';
import { checkAxis, type Dims } from './tensor/shape.js';
import { Tensor } from './tensor/tensor.js';

// Functional forms of the ops: one dispatched op each (or none), so that a trace hears them like modules.
// Shapes, dtypes and formulas stand with the op in `ops/`. Convolutions, pools and images are in `functional/`.

export * from './functional/activations.js';
export * from './functional/conv.js';
export * from './functional/embedding-bag.js';
export * from './functional/histogram.js';
export * from './functional/image.js';
export * from './functional/pool.js';
export * from './functional/recurrent.js';
export * from './functional/statistics.js';

/** y = activation(x weight^T + bias); x [..., in], weight [out, in], bias [out] -> [..., out], float32. */
export function linear(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  { activation = 'none' }: { activation?: ActivationName } = {},
): Float {
  return run(linearOp, [x, weight, bias], { activation: ACTIVATIONS[activation].code });
}

/** Rows of `weight` [entries, width] by int64 or int32 ids of any shape -> [...ids, width], float32. */
export function embedding(ids: Tensor, weight: Tensor): Float {
  return run(embeddingOp, [weight, ids]);
}

/** Layer normalisation over the last dimensions, `normalizedShape`; weight and bias have those dims. float32. */
export function layerNorm(
  x: Tensor,
  normalizedShape: number | Dims,
  weight?: Tensor | null,
  bias?: Tensor | null,
  eps = 1e-5,
): Float {
  const shape = typeof normalizedShape === 'number' ? [normalizedShape] : normalizedShape;
  if (shape.some((size, i) => x.raw.dims.at(i - shape.length) !== size)) {
    throw new OctavoError(
      'INVALID_SHAPE',
      `[layerNorm] expected x [..., ${shape.join(', ')}], got [${x.raw.dims.join(', ')}]`,
    );
  }
  return run(layerNormOp, [x, weight, bias], { axes: shape.length, eps });
}

/** x / sqrt(mean(x^2) + eps) * weight over the last dims, those of `weight` or the last one without; float32. */
export function rmsNorm(x: Tensor, weight: Tensor | null = null, eps = 1e-6): Float {
  return run(rmsNormOp, [x, weight], { axes: weight?.raw.dims.length ?? 1, eps });
}

/** Softmax along `dim`, float32. */
export function softmax(x: Tensor, dim = -1): Float {
  return run(softmaxOp, [x], { dim });
}

/** x/2 (1 + erf(x / sqrt 2)) or, approximately, x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), float32. */
export function gelu(x: Tensor, { approximate = 'none' }: { approximate?: 'none' | 'tanh' } = {}): Float {
  return run(approximate === 'tanh' ? unary.geluTanhOp : unary.geluOp, [x]);
}

/** max(x, 0), float32; NaN stays NaN. */
export function relu(x: Tensor): Float {
  return run(unary.relu, [x]);
}

/** Hyperbolic tangent, float32. */
export function tanh(x: Tensor): Float {
  return run(unary.tanhOp, [x]);
}

/** 1 / (1 + e^-x), float32. */
export function sigmoid(x: Tensor): Float {
  return run(unary.sigmoidOp, [x]);
}

/** The error function, float32. */
export function erf(x: Tensor): Float {
  return run(unary.erfOp, [x]);
}

/** e^x, float32. */
export function exp(x: Tensor): Float {
  return run(unary.expOp, [x]);
}

/** Sine of radians, float32; NaN for infinities. */
export function sin(x: Tensor): Float {
  return run(unary.sinOp, [x]);
}

/** Cosine of radians, float32; NaN for infinities. */
export function cos(x: Tensor): Float {
  return run(unary.cosOp, [x]);
}

/** Square root, float32. */
export function sqrt(x: Tensor): Float {
  return run(unary.sqrt, [x]);
}

/** -x, float32. */
export function neg(x: Tensor): Float {
  return run(unary.neg, [x]);
}

/** A number stands for a float32 tensor without dims. */
function operand(x: Tensor | number): Tensor {
  return typeof x === 'number' ? new Tensor('float32', Float32Array.of(x), []) : x;
}

/** a + b under NumPy's broadcast, float32; numbers count as tensors without dims. */
export function add(a: Tensor | number, b: Tensor | number): Float {
  return run(elementwise.add, [operand(a), operand(b)]);
}

/** a - b; see `add`. */
export function sub(a: Tensor | number, b: Tensor | number): Float {
  return run(elementwise.sub, [operand(a), operand(b)]);
}

/** a * b; see `add`. */
export function mul(a: Tensor | number, b: Tensor | number): Float {
  return run(elementwise.mul, [operand(a), operand(b)]);
}

/** a / b, IEEE division; see `add`. */
export function div(a: Tensor | number, b: Tensor | number): Float {
  return run(elementwise.div, [operand(a), operand(b)]);
}

/** a [..., m, k] times b [..., k, n] -> [..., m, n], leading dims broadcast, float32. */
export function matmul(a: Tensor, b: Tensor): Float {
  return run(matmulOp, [a, b]);
}

/** x under other dims: 0 copies the input's dim at that place, one -1 takes what is left. Any dtype, shares the data. */
export function reshape<T extends DType>(x: Tensor<T>, dims: Dims): Tensor<T> {
  return run(reshapeOps.reshape, [x], { dims });
}

/**
 * Dims `startDim` to `endDim` joined into one. Any dtype, shares the data. Where other dims follow `endDim` the sizes are
 * read, which fixes a trace to them.
 */
export function flatten<T extends DType>(x: Tensor<T>, startDim = 0, endDim = -1): Tensor<T> {
  const rank = x.raw.dims.length;
  const start = checkAxis(startDim, rank, 'flatten');
  const end = checkAxis(endDim, rank, 'flatten');
  if (start > end) {
    throw new OctavoError('INVALID_ARGUMENT', `[flatten] startDim ${startDim} comes after endDim ${endDim}`);
  }
  return reshape(x, [...new Array<number>(start).fill(0), -1, ...(end < rank - 1 ? x.dims.slice(end + 1) : [])]);
}

/** Dim i of the result is dim `dims[i]` of x. Any dtype. */
export function permute<T extends DType>(x: Tensor<T>, dims: readonly number[]): Tensor<T> {
  return run(layout.permute, [x], { dims });
}

/** Two dims exchanged: `aten::permute` of x's rank. Any dtype. */
export function transpose<T extends DType>(x: Tensor<T>, a: number, b: number): Tensor<T> {
  const rank = x.raw.dims.length; // The rank is fixed in any trace; the sizes are not looked at.
  const dims = Array.from({ length: rank }, (_, i) => i);
  const first = checkAxis(a, rank, 'transpose');
  const second = checkAxis(b, rank, 'transpose');
  if (rank > 0) {
    dims[first] = second;
    dims[second] = first;
  }
  return permute(x, dims);
}

/** x at `index` of dim `dim`, which goes away. Any dtype. */
export function select<T extends DType>(x: Tensor<T>, dim: number, index: number): Tensor<T> {
  return run(layout.select, [x], { dim, index });
}

/** x[start:end:step] along `dim`, with PyTorch's clamping and negative ends. Any dtype. */
export function slice<T extends DType>(
  x: Tensor<T>,
  dim: number,
  start = 0,
  end: number = layout.SLICE_TO_END,
  step = 1,
): Tensor<T> {
  return run(layout.slice, [x], { dim, start, end, step });
}

/** A dim of size 1 put in at `dim`; -1 is the new last one. Any dtype. */
export function unsqueeze<T extends DType>(x: Tensor<T>, dim: number): Tensor<T> {
  return run(reshapeOps.unsqueeze, [x], { dim });
}

/** The same numbers in another dtype; see `ops/cast.ts` for rounding and saturation. */
export function to<T extends DType>(x: Tensor, dtype: T): Tensor<T> {
  return run(toOp, [x], { dtype: DTYPES[checkDType(dtype)].code });
}

/** `to(x, 'float32')`. */
export function toFloat(x: Tensor): Float {
  return to(x, 'float32');
}

/** int64 [n] = 0 .. n - 1, n the size of x along `dim`: positions without reading dims. */
export function arangeLike(x: Tensor, dim: number): Tensor<'int64'> {
  return run(arangeLikeOp, [x], { dim });
}

/** Tensors of one dtype joined along `dim`. */
export function cat<T extends DType>(tensors: readonly Tensor<T>[], dim = 0): Tensor<T> {
  return run(catOp, tensors, { dim });
}

/**
 * softmax(scale * q k^T + mask) v for heads that lie side by side in the last dimension: q [batch, queries, heads * d],
 * k and v [batch, keys, heads * d], mask broadcastable to [batch, heads, queries, keys] -> q's dims, float32.
 * `scale` defaults to 1 / sqrt(d).
 */
export function multiHeadAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  mask: Tensor | null,
  { heads, scale }: { heads: number; scale?: number },
): Float {
  // The width is a constant of the model, not a size that a batch changes.
  const d = (q.raw.dims.at(-1) ?? 0) / heads;
  return run(attention, [q, k, v, mask], { heads, scale: Math.fround(scale ?? 1 / Math.sqrt(d)) });
}

/**
 * softmax(q k^T * scale + mask) v over heads that lie apart, float32: q [batch, heads, queries, d], k [batch, n, keys, d],
 * v [batch, n, keys, e], mask [1 or batch, 1 or heads, 1 or queries, 1 or keys] -> [batch, heads, queries, e]. `groups`
 * heads of queries share one of the n of keys; `scale` is 1 / sqrt(d) when left out.
 */
export function scaledDotProductAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  mask: Tensor | null = null,
  { scale, groups = 1 }: { scale?: number; groups?: number } = {},
): Float {
  const factor = Math.fround(scale ?? 1 / Math.sqrt(q.raw.dims.at(-1) ?? 1));
  return run(scaledDotProductAttentionOp, [q, k, v, mask], { scale: factor, groups });
}

/** How a dynamic op takes its range: per tensor as PyTorch, or per row; in 8 bits or, reduced, in 7. */
export interface DynamicOptions {
  scheme?: dynamicOps.DynamicScheme;
  reduceRange?: boolean;
}

function dynamicAttrs({ scheme = 'perRow', reduceRange = false }: DynamicOptions): Attrs {
  return { scheme: dynamicOps.DYNAMIC_SCHEMES[scheme], reduceRange: reduceRange ? 1 : 0 };
}

/** Dynamically quantized linear: x [..., in] float32, packed int8 weight [out, in] -> [..., out] float32. */
export function linearDynamic(
  x: Tensor,
  packed: LinearPackedParams,
  {
    scheme = 'perRow',
    reduceRange = false,
    activation = 'none',
  }: DynamicOptions & { activation?: ActivationName } = {},
): Float {
  return run(dynamicOps.linearDynamic, [x, packed], {
    scheme: dynamicOps.DYNAMIC_SCHEMES[scheme],
    reduceRange: reduceRange ? 1 : 0,
    activation: ACTIVATIONS[activation].code,
  });
}

/** Codes with the pairs of scale and zero point that give them meaning. */
export interface Quantized<C extends DType = 'uint8'> {
  codes: Tensor<C>;
  scales: Float;
  zeroPoints: Tensor<'int32'>;
}

/** Ranges and uint8 codes of x [..., k]: scales and zero points [rows]. The first half of `linearDynamic`. */
export function quantizeDynamic(x: Tensor, options: DynamicOptions = {}): Quantized {
  const [codes, scales, zeroPoints] = dispatch(dynamicOps.quantizeDynamicRows, [x], dynamicAttrs(options));
  return { codes, scales, zeroPoints } as Quantized;
}

/** Linear over codes: the second half of `linearDynamic`, so that several linears may share one quantized input. */
export function linearQuantized(
  { codes, scales, zeroPoints }: Quantized,
  packed: LinearPackedParams,
  { activation = 'none' }: { activation?: ActivationName } = {},
): Float {
  return run(dynamicOps.linearQuantized, [codes, scales, zeroPoints, packed], {
    activation: ACTIVATIONS[activation].code,
  });
}

/** scale [1] and zeroPoint [1] of a whole tensor, for uint8 codes: `torch._choose_qparams_per_tensor`. */
export function chooseQParamsPerTensor(x: Tensor, reduceRange = false): { scale: Float; zeroPoint: Tensor<'int32'> } {
  const [scale, zeroPoint] = dispatch(chooseOps.chooseQParamsPerTensor, [x], { reduceRange: reduceRange ? 1 : 0 });
  return { scale, zeroPoint } as { scale: Float; zeroPoint: Tensor<'int32'> };
}

/** scales [rows] and zeroPoints [rows] of the rows of x [..., k], for uint8 codes. */
export function chooseQParamsPerRow(x: Tensor, reduceRange = false): { scales: Float; zeroPoints: Tensor<'int32'> } {
  const [scales, zeroPoints] = dispatch(chooseOps.chooseQParamsPerRow, [x], { reduceRange: reduceRange ? 1 : 0 });
  return { scales, zeroPoints } as { scales: Float; zeroPoints: Tensor<'int32'> };
}

/** Integer dtypes that hold codes. */
export type CodeDType = 'uint8' | 'int8' | 'int32';

/** Codes of x by one scale [1] and zero point [1]: `torch.quantize_per_tensor`. */
export function quantizePerTensor<C extends CodeDType = 'uint8'>(
  x: Tensor,
  scale: Tensor,
  zeroPoint: Tensor,
  dtype: C = 'uint8' as C,
): Tensor<C> {
  return run(quantizeOps.quantizePerTensor, [x, scale, zeroPoint], { dtype: DTYPES[dtype].code });
}

/** uint8 codes of x [..., k] by scales and zero points [rows]; the codes of `quantizeDynamic`. */
export function quantizePerRow(x: Tensor, scales: Tensor, zeroPoints: Tensor): Tensor<'uint8'> {
  return run(quantizeOps.quantizePerRow, [x, scales, zeroPoints]);
}

/** Codes of x by one scale and zero point for each index of `axis`: `torch.quantize_per_channel`. */
export function quantizePerChannel<C extends CodeDType = 'int8'>(
  x: Tensor,
  scales: Tensor,
  zeroPoints: Tensor,
  axis = 0,
  dtype: C = 'int8' as C,
): Tensor<C> {
  return run(quantizeOps.quantizePerChannel, [x, scales, zeroPoints], { axis, dtype: DTYPES[dtype].code });
}

/** float32 (code - zeroPoint) * scale; one pair for the tensor ('tensor'), a row ('row'), or each index of an axis. */
export function dequantize(
  codes: Tensor,
  scales: Tensor,
  zeroPoints: Tensor,
  per: 'tensor' | 'row' | number = 'tensor',
): Float {
  const axis = per === 'tensor' ? quantizeOps.PER_TENSOR : per === 'row' ? quantizeOps.PER_ROW : per;
  return run(quantizeOps.dequantize, [codes, scales, zeroPoints], { axis });
}
