import { PER_ROW, PER_TENSOR } from '@octavo/core';
import type { Node } from './node.js';

/** How a quantize op lays its scales over a tensor. */
export interface Quantizer {
  /** The axis of its scales, or null for one scale for the tensor (or a row). */
  axis(node: Node): number | null;
  /** The `axis` attribute of `aten::dequantize` that undoes it. */
  dequantizeAxis(node: Node): number;
}

/** The ops that make codes from floats, each with operands (x, scales, zeroPoints). */
const QUANTIZERS: Readonly<Record<string, Quantizer>> = {
  'aten::quantize_per_tensor': { axis: () => null, dequantizeAxis: () => PER_TENSOR },
  'aten::quantize_per_channel': { axis: axisOf, dequantizeAxis: axisOf },
  // ONNX's: one scale, or none that static ops know.
  'octavo::quantize_linear': { axis: () => null, dequantizeAxis: () => PER_TENSOR },
  'octavo::quantize_per_row': { axis: () => null, dequantizeAxis: () => PER_ROW },
};

export function quantizerOf(node: Node): Quantizer | undefined {
  return Object.hasOwn(QUANTIZERS, node.op) ? QUANTIZERS[node.op] : undefined;
}

function axisOf({ attrs }: Node): number {
  return (attrs.axis as number | undefined) ?? 0;
}
