import { F, Q, QuantizedTensor, type Tensor } from '@octavo/core';

/** A float tensor while a model is calibrated, codes once it is converted. */
export type Value = Tensor | QuantizedTensor;

/** The dims of either kind, without fixing a trace to them. */
export function dimsOf(x: Value): readonly number[] {
  return QuantizedTensor.is(x) ? x.dims : x.raw.dims;
}

/** What moves values and computes none, on the codes of codes. */
export function moved<V extends Value>(x: V, move: (values: Tensor) => Tensor): V {
  if (!QuantizedTensor.is(x)) return move(x as Tensor) as V;
  return new QuantizedTensor(x.dtype, move(x.values), x) as V;
}

/** Values side by side; codes get the scale and zero point of the first, as in PyTorch (`cat` of quantized tensors). */
export function joined<V extends Value>(values: readonly V[], dim: number): V {
  const [first] = values as unknown as [Value];
  if (values.length === 1) return first as V;
  if (!QuantizedTensor.is(first)) return F.cat(values as readonly Tensor[], dim) as V;
  const output: Q.OutputQParams = { scale: first.scales[0] as number, zeroPoint: first.zeroPoints[0] as number };
  return Q.cat(values as readonly QuantizedTensor[], dim, output) as V;
}

/** tanh of either kind; that of codes has the fixed scale 2/256. */
export function tanh<V extends Value>(x: V): V {
  return (QuantizedTensor.is(x) ? Q.tanh(x) : F.tanh(x as Tensor)) as V;
}
