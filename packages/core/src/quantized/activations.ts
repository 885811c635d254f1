import type { QParams } from '../numerics/choose-qparams.js';
import type { OpDef } from '../ops/op-def.js';
import * as ops from '../ops/quantized/activations.js';
import { quantizedSoftmax } from '../ops/quantized/softmax.js';
import type { QuantizedDType } from '../tensor/dtype.js';
import { QUANTIZED_DTYPES } from '../tensor/dtype.js';
import type { QuantizedTensor } from '../tensor/quantized-tensor.js';
import type { OutputQParams } from './input.js';
import { qparamAttrs, qparamsOf, runOp } from './operands.js';

// Functions of one quantized tensor of any shape, uint8 or int8 codes. Formulas: `ops/quantized/activations.ts`.

const FLOAT32_MAX = 3.4028234663852886e38;

/** Ops whose result has the input's qparams. */
function keep(op: OpDef, x: QuantizedTensor, attrs: Record<string, number>): QuantizedTensor {
  return runOp(op, [x.values], attrs, x.dtype, qparamsOf(x, op, 'x'));
}

/** Ops whose result has qparams of its own. */
function change(
  op: OpDef,
  x: QuantizedTensor,
  { scale, zeroPoint }: OutputQParams,
  params: Record<string, number> = {},
): QuantizedTensor {
  const attrs = { ...qparamAttrs(x, op), ...params, scale, zeroPoint };
  return runOp(op, [x.values], attrs, x.dtype, { scale, zeroPoint });
}

/** Qparams of values from 0 to 1: 1/256 a step from the lowest code. PyTorch's for sigmoid, hardsigmoid and softmax. */
export function unitQParams(dtype: QuantizedDType): QParams {
  return { scale: 1 / 256, zeroPoint: QUANTIZED_DTYPES[dtype].qmin };
}

/** Qparams of values from -1 to 1: 2/256 a step about the middle code. PyTorch's for tanh. */
export function symmetricUnitQParams(dtype: QuantizedDType): QParams {
  return { scale: 2 / 256, zeroPoint: QUANTIZED_DTYPES[dtype].qmin + 128 };
}

/** max(x, 0). */
export function relu(x: QuantizedTensor): QuantizedTensor {
  return keep(ops.quantizedRelu, x, { xZeroPoint: qparamsOf(x, ops.quantizedRelu, 'x').zeroPoint });
}

/** x limited to [min, max]; both are quantized as x is. An infinite end is no limit. */
export function clamp(x: QuantizedTensor, min: number, max: number): QuantizedTensor {
  return keep(ops.quantizedClamp, x, {
    ...qparamAttrs(x, ops.quantizedClamp),
    min: finite(min),
    max: finite(max),
  });
}

/** Attributes are finite, so that files can hold them; the largest float32 saturates as well. */
function finite(x: number): number {
  return Math.abs(x) === Number.POSITIVE_INFINITY ? Math.sign(x) * FLOAT32_MAX : x;
}

/** x limited to [-1, 1], or to other ends. */
export function hardtanh(x: QuantizedTensor, min = -1, max = 1): QuantizedTensor {
  return clamp(x, min, max);
}

/** x limited to [0, 6]. */
export function relu6(x: QuantizedTensor): QuantizedTensor {
  return clamp(x, 0, 6);
}

/** x where x > threshold, else value. */
export function threshold(x: QuantizedTensor, limit: number, value: number): QuantizedTensor {
  const attrs = { ...qparamAttrs(x, ops.quantizedThreshold), threshold: limit, value };
  return keep(ops.quantizedThreshold, x, attrs);
}

/** GELU by erf, of the dequantized values. */
export function gelu(x: QuantizedTensor, output: OutputQParams): QuantizedTensor {
  return change(ops.quantizedGelu, x, output);
}

/** x where x > 0, else x * negativeSlope. */
export function leakyRelu(
  x: QuantizedTensor,
  { negativeSlope = 0.01, ...output }: OutputQParams & { readonly negativeSlope?: number },
): QuantizedTensor {
  return change(ops.leakyRelu, x, output, { negativeSlope });
}

/** x min(max(x + 3, 0), 6) / 6. */
export function hardswish(x: QuantizedTensor, output: OutputQParams): QuantizedTensor {
  return change(ops.hardswish, x, output);
}

/** min(max(x + 3, 0), 6) / 6; 1/256 a step unless `output` says otherwise. */
export function hardsigmoid(x: QuantizedTensor, output: OutputQParams = unitQParams(x.dtype)): QuantizedTensor {
  return change(ops.hardsigmoid, x, output);
}

/** 1 / (1 + e^-x); 1/256 a step unless `output` says otherwise. */
export function sigmoid(x: QuantizedTensor, output: OutputQParams = unitQParams(x.dtype)): QuantizedTensor {
  return change(ops.quantizedSigmoid, x, output);
}

/** The hyperbolic tangent; 2/256 a step unless `output` says otherwise. */
export function tanh(x: QuantizedTensor, output: OutputQParams = symmetricUnitQParams(x.dtype)): QuantizedTensor {
  return change(ops.quantizedTanh, x, output);
}

/** x where x >= 0, else alpha (e^x - 1). */
export function elu(
  x: QuantizedTensor,
  { alpha = 1, ...output }: OutputQParams & { readonly alpha?: number },
): QuantizedTensor {
  return change(ops.elu, x, output, { alpha, inputScale: 1 });
}

/** x where x >= 0, else alpha (e^(x / alpha) - 1). */
export function celu(
  x: QuantizedTensor,
  { alpha = 1, ...output }: OutputQParams & { readonly alpha?: number },
): QuantizedTensor {
  return change(ops.elu, x, output, { alpha, inputScale: 1 / alpha });
}

/** Softmax along `dim`; 1/256 a step unless `output` says otherwise. */
export function softmax(x: QuantizedTensor, dim = -1, output: OutputQParams = unitQParams(x.dtype)): QuantizedTensor {
  return change(quantizedSoftmax, x, output, { dim });
}
