import type { QParams } from '@octavo/core';
import { leafTensor } from './leaf-nodes.js';
import { quantizerOf } from './quantizers.js';
import type { Value } from './value.js';

/**
 * The scale and zero point of a value of codes that are known before the graph runs, or undefined. They stand in the
 * constants of the node that quantized it, in the attributes of a static int8 op, or, for ops that move codes about
 * (pools, reshapes), with the codes that went in.
 */
export function staticQParams(value: Value): QParams | undefined {
  for (let { node } = value; ; node = node.input(0).node) {
    if (quantizerOf(node) !== undefined) return leafQParams(node.inputs[1], node.inputs[2]);
    const { scale, zeroPoint } = node.attrs;
    if (typeof scale === 'number' && typeof zeroPoint === 'number') return { scale, zeroPoint };
    if (!node.inputs[0]) return undefined;
  }
}

/**
 * The qparams that two constants of one element hold; a zero point that is absent is 0. A scale that is no positive number
 * has no int8 form: calibration over masks of -inf leaves infinite ones in files.
 */
export function leafQParams(scale: Value | null | undefined, zeroPoint: Value | null | undefined): QParams | undefined {
  const scales = scale && leafTensor(scale)?.raw.data;
  const zeroPoints = zeroPoint ? leafTensor(zeroPoint)?.raw.data : Int32Array.of(0);
  if (!(scales instanceof Float32Array) || zeroPoints === undefined) return undefined;
  if (scales.length !== 1 || zeroPoints.length !== 1) return undefined;
  if (!((scales[0] as number) > 0 && Number.isFinite(scales[0]))) return undefined;
  return { scale: scales[0] as number, zeroPoint: Number(zeroPoints[0]) };
}
