import { OctavoError } from '../errors.js';
import { rint } from '../numerics/round.js';
import { cat as catOp } from '../ops/cat.js';
import { dispatch } from '../ops/dispatch.js';
import type { OpDef } from '../ops/op-def.js';
import { requantize as requantizeOp } from '../ops/quantized/activations.js';
import { quantizedAdd, quantizedMul } from '../ops/quantized/binary.js';
import { quantizedMatmul } from '../ops/quantized/matmul.js';
import { addScalar as addScalarOp, mulScalar as mulScalarOp } from '../ops/quantized/scalar.js';
import { QUANTIZED_DTYPES } from '../tensor/dtype.js';
import { QuantizedTensor } from '../tensor/quantized-tensor.js';
import type { Tensor } from '../tensor/tensor.js';
import type { OutputQParams } from './input.js';
import { qparamArrays, qparamAttrs, qparamsOf, runOp } from './operands.js';

export interface ReluOption {
  /** Clamps the result below at 0. */
  readonly relu?: boolean;
}

/** The output's scale and zero point, and whether it is clamped below at 0. */
export type ArithmeticOptions = OutputQParams & ReluOption;

// Attributes are written out, here as in `static-op.ts`: V8 makes a new hidden class for each object that a spread begins.
function binary(
  op: OpDef,
  a: QuantizedTensor,
  b: QuantizedTensor,
  { scale, zeroPoint, relu = false }: ArithmeticOptions,
): QuantizedTensor {
  const [left, right] = [qparamsOf(a, op, 'a'), qparamsOf(b, op, 'b')];
  const attrs = {
    aScale: left.scale,
    aZeroPoint: left.zeroPoint,
    bScale: right.scale,
    bZeroPoint: right.zeroPoint,
    scale,
    zeroPoint,
    relu: Number(relu),
  };
  return runOp(op, [a.values, b.values], attrs, a.dtype, { scale, zeroPoint });
}

/** a + b under NumPy's broadcast, in codes of the output's qparams. */
export function add(a: QuantizedTensor, b: QuantizedTensor, options: ArithmeticOptions): QuantizedTensor {
  return binary(quantizedAdd, a, b, options);
}

/** a * b under NumPy's broadcast, in codes of the output's qparams. */
export function mul(a: QuantizedTensor, b: QuantizedTensor, options: ArithmeticOptions): QuantizedTensor {
  return binary(quantizedMul, a, b, options);
}

/** a [..., m, k] times b [..., k, n] -> [..., m, n]; leading dims broadcast. */
export function matmul(a: QuantizedTensor, b: QuantizedTensor, { scale, zeroPoint }: OutputQParams): QuantizedTensor {
  const [left, right] = [qparamsOf(a, quantizedMatmul, 'a'), qparamsOf(b, quantizedMatmul, 'b')];
  const operands = { aScale: left.scale, aZeroPoint: left.zeroPoint, bScale: right.scale, bZeroPoint: right.zeroPoint };
  const attrs = { ...operands, scale, zeroPoint };
  return runOp(quantizedMatmul, [a.values, b.values], attrs, a.dtype, { scale, zeroPoint });
}

/**
 * x + other. The codes stay and the zero point moves by rint(other / scale) steps; where it would leave the codes'
 * range, it stops at the end and the scale grows so that all of x still has a code (`qadd.cpp`, double precision).
 */
export function addScalar(x: QuantizedTensor, other: number, { relu = false }: ReluOption = {}): QuantizedTensor {
  const from = qparamsOf(x, addScalarOp, 'x');
  const { qmin, qmax } = QUANTIZED_DTYPES[x.dtype];
  const steps = rint(other / from.scale) + 0; // + 0: there is no step -0.
  const moved = from.zeroPoint - steps;
  const output =
    moved < qmin
      ? { scale: Math.fround(((qmax - moved) / (qmax - qmin)) * from.scale), zeroPoint: qmin }
      : moved > qmax
        ? { scale: Math.fround(((moved - qmin) / (qmax - qmin)) * from.scale), zeroPoint: qmax }
        : { scale: from.scale, zeroPoint: moved };
  const attrs = { ...qparamAttrs(x, addScalarOp), other: steps, ...output, relu: Number(relu) };
  return runOp(addScalarOp, [x.values], attrs, x.dtype, output);
}

/** x * other. The scale takes the factor; a negative one mirrors codes and zero point, 0 gives scale 1, zero point 0. */
export function mulScalar(x: QuantizedTensor, other: number, { relu = false }: ReluOption = {}): QuantizedTensor {
  const { scale, zeroPoint } = qparamsOf(x, mulScalarOp, 'x');
  const { qmin, qmax } = QUANTIZED_DTYPES[x.dtype];
  const output = {
    scale: other === 0 ? 1 : Math.fround(scale * Math.abs(other)),
    zeroPoint: other === 0 ? 0 : other > 0 ? zeroPoint : qmin + qmax - zeroPoint,
  };
  if (!(output.scale > 0 && output.scale < Number.POSITIVE_INFINITY)) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[${mulScalarOp.name}] other must leave a positive, finite scale, got ${other} for a scale of ${scale}`,
    );
  }
  const attrs = { xZeroPoint: zeroPoint, other, relu: Number(relu) };
  return runOp(mulScalarOp, [x.values], attrs, x.dtype, output);
}

/** The same numbers in codes of other qparams. */
export function requantize(x: QuantizedTensor, { scale, zeroPoint, relu = false }: ArithmeticOptions): QuantizedTensor {
  const attrs = { ...qparamAttrs(x, requantizeOp), scale, zeroPoint, relu: Number(relu) };
  return runOp(requantizeOp, [x.values], attrs, x.dtype, { scale, zeroPoint });
}

/**
 * Tensors joined along `dim`, in codes of the output's qparams, the first tensor's when left out. Those that have
 * them already are copied.
 */
export function cat(
  tensors: readonly QuantizedTensor[],
  dim = 0,
  { scale: asked, zeroPoint: askedZero, relu = false }: Partial<OutputQParams> & ReluOption = {},
): QuantizedTensor {
  const [first] = tensors;
  if (first === undefined) throw new OctavoError('INVALID_ARGUMENT', '[Q.cat] expected one tensor or more, got none');
  const own = qparamsOf(first, requantizeOp, 'tensors[0]');
  const { scale, zeroPoint } = { scale: asked ?? own.scale, zeroPoint: askedZero ?? own.zeroPoint };
  const codes = tensors.map((x) => {
    const same = x.axis === null && x.scales[0] === Math.fround(scale) && x.zeroPoints[0] === zeroPoint;
    return (same && !relu ? x : requantize(x, { scale, zeroPoint, relu })).values;
  });
  return new QuantizedTensor(first.dtype, dispatch(catOp, codes, { dim })[0] as Tensor, qparamArrays(scale, zeroPoint));
}
