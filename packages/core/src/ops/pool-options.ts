import { OctavoError } from '../errors.js';
import { type PerAxis, paddings, perAxis } from '../tensor/conv-geometry.js';
import type { OpDef } from './op-def.js';

// The options of pools, and the attributes they become: the same for float and quantized ones.

/** How a window slides over the last dimensions of its input. */
export interface PoolOptions {
  /** The kernel's size when left out. */
  readonly stride?: PerAxis;
  /** 0 when left out. One for each axis, or [begin..., end...]; at most half of the window. */
  readonly padding?: PerAxis;
  /** Rounds the output's size up; the last windows then reach past the input. */
  readonly ceilMode?: boolean;
}

export interface MaxPoolOptions extends PoolOptions {
  /** 1 when left out. */
  readonly dilation?: PerAxis;
}

export interface AveragePoolOptions extends PoolOptions {
  /** Whether padding counts as zeros; true when left out, as in PyTorch. */
  readonly countIncludePad?: boolean;
  /** Divides by this in place of the window's size. */
  readonly divisorOverride?: number | null;
}

function slidingAttrs({ name }: OpDef, rank: number, kernel: PerAxis, options: PoolOptions) {
  const { stride = kernel, padding = 0, ceilMode = false } = options;
  return {
    kernel: perAxis(name, 'kernel', kernel, rank, 1),
    stride: perAxis(name, 'stride', stride, rank, 1),
    padding: paddings(name, padding, rank),
    ceilMode: Number(ceilMode),
  };
}

/** Attributes of a max pool over `rank` axes. */
export function maxAttrs(op: OpDef, rank: number, kernel: PerAxis, { dilation = 1, ...options }: MaxPoolOptions) {
  return { ...slidingAttrs(op, rank, kernel, options), dilation: perAxis(op.name, 'dilation', dilation, rank, 1) };
}

/** Attributes of an average pool over `rank` axes. */
export function averageAttrs(op: OpDef, rank: number, kernel: PerAxis, options: AveragePoolOptions) {
  const { countIncludePad = true, divisorOverride = null } = options;
  if (divisorOverride !== null && !(Number.isSafeInteger(divisorOverride) && divisorOverride >= 1)) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[${op.name}] divisorOverride must be an integer of at least 1, or null, got ${divisorOverride}`,
    );
  }
  return {
    ...slidingAttrs(op, rank, kernel, options),
    countIncludePad: Number(countIncludePad),
    divisor: divisorOverride ?? 0,
  };
}

/** Attributes of an adaptive pool over `rank` axes. */
export function outputSizeAttrs({ name }: OpDef, rank: number, outputSize: PerAxis) {
  return { outputSize: perAxis(name, 'outputSize', outputSize, rank, 1) };
}
