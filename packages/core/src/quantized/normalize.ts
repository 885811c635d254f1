import { OctavoError } from '../errors.js';
import type { OpDef } from '../ops/op-def.js';
import { quantizedBatchNorm, quantizedGroupNorm, quantizedLayerNorm } from '../ops/quantized/norm.js';
import type { QuantizedTensor } from '../tensor/quantized-tensor.js';
import { type Dims, formatDims } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import type { OutputQParams } from './input.js';
import { qparamAttrs, runOp } from './operands.js';

/** The output's qparams; float32 weight and bias, 1 and 0 when left out. */
export interface NormOptions extends OutputQParams {
  readonly weight?: Tensor | null;
  readonly bias?: Tensor | null;
  /** 1e-5 when left out. */
  readonly eps?: number;
}

function norm(
  op: OpDef,
  x: QuantizedTensor,
  { scale, zeroPoint }: OutputQParams,
  operands: readonly (Tensor | null | undefined)[],
  attrs: Record<string, number>,
): QuantizedTensor {
  const all = { ...attrs, ...qparamAttrs(x, op), scale, zeroPoint };
  return runOp(op, [x.values, ...operands], all, x.dtype, { scale, zeroPoint });
}

/** Batch normalisation of x [n, channels, ...] by known float32 `mean` and `variance` [channels]. */
export function batchNorm(
  x: QuantizedTensor,
  mean: Tensor,
  variance: Tensor,
  { weight, bias, eps = 1e-5, relu = false, ...output }: NormOptions & { readonly relu?: boolean },
): QuantizedTensor {
  return norm(quantizedBatchNorm, x, output, [weight, bias, mean, variance], { eps, relu: Number(relu) });
}

/** Layer normalisation over the last dims, `normalizedShape`; weight and bias have those dims. */
export function layerNorm(
  x: QuantizedTensor,
  normalizedShape: number | Dims,
  { weight, bias, eps = 1e-5, ...output }: NormOptions,
): QuantizedTensor {
  const shape = typeof normalizedShape === 'number' ? [normalizedShape] : normalizedShape;
  const { dims } = x.values.raw;
  if (shape.some((size, i) => dims.at(i - shape.length) !== size)) {
    throw new OctavoError(
      'INVALID_SHAPE',
      `[${quantizedLayerNorm.name}] expected x [..., ${shape.join(', ')}], got ${formatDims(dims)}`,
    );
  }
  return norm(quantizedLayerNorm, x, output, [weight, bias], { axes: shape.length, eps });
}

/** Group normalisation of x [n, channels, ...]; weight and bias [channels]. */
export function groupNorm(
  x: QuantizedTensor,
  groups: number,
  { weight, bias, eps = 1e-5, ...output }: NormOptions,
): QuantizedTensor {
  return norm(quantizedGroupNorm, x, output, [weight, bias], { groups, eps });
}

/** Every channel of every item normalised on its own: group normalisation with as many groups as channels. */
export function instanceNorm(x: QuantizedTensor, options: NormOptions): QuantizedTensor {
  return groupNorm(x, x.values.raw.dims[1] ?? 1, options);
}
