import { QUANTIZED_DTYPES, type QuantizedDType, type Tensor } from '@octavo/core';
import type { GoldenCase, GoldenValue } from './golden-case.js';

// How golden vectors store quantized tensors: codes, and qparams under names made from the role.

/** The elements of a stored value as numbers. */
export function numbersOf(value: GoldenValue | undefined): number[] {
  if (value === undefined) return [];
  return typeof value === 'number' ? [value] : Array.from(value.raw.data as Float32Array, Number);
}

export function tensorOf({ name, inputs }: GoldenCase, role: string): Tensor {
  const value = inputs[role];
  if (value === undefined || typeof value === 'number') throw new Error(`${name} has no input tensor '${role}'`);
  return value;
}

/** A quantized dtype named by a parameter. */
export function dtypeOf(name: unknown): QuantizedDType {
  if (typeof name === 'string' && Object.hasOwn(QUANTIZED_DTYPES, name)) return name as QuantizedDType;
  throw new Error(`unknown dtype '${String(name)}'`);
}

/**
 * Scales and zero points of an input role: `<role>_scale` among the parameters, or `<role>_scales` among the inputs.
 */
export function qparamsOf(
  { params, inputs }: GoldenCase,
  role: string,
): { scales: Float32Array; zeroPoints: Int32Array; axis: number | null } {
  const axis = params[`${role}_axis`];
  const perChannel = typeof axis === 'number';
  const scales = perChannel ? numbersOf(inputs[`${role}_scales`]) : [params[`${role}_scale`] as number];
  const zeroPoints = perChannel ? numbersOf(inputs[`${role}_zero_points`]) : [params[`${role}_zero_point`] as number];
  return { scales: Float32Array.from(scales), zeroPoints: Int32Array.from(zeroPoints), axis: perChannel ? axis : null };
}
