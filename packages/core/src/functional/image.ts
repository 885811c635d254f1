import { OctavoError } from '../errors.js';
import { paddingAttr, pad as padOp } from '../ops/pad.js';
import * as ops from '../ops/upsample.js';
import { type PerAxis, perAxis } from '../tensor/conv-geometry.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Float, run } from './run.js';

export interface InterpolateOptions {
  /** Sizes of the output's spatial dims; either this or `scaleFactor`. */
  readonly size?: PerAxis;
  /**
   * Sizes as multiples of the input's, rounded down. Inputs are then found by the ratio of the sizes, which is PyTorch's
   * `recompute_scale_factor=True`; reading the sizes fixes a trace to them.
   */
  readonly scaleFactor?: PerAxis;
  /** 'nearest' (1 to 3 spatial dims) when left out, or 'bilinear' (2). */
  readonly mode?: 'nearest' | 'bilinear';
  /** Bilinear only: corners of input and output coincide. False when left out. */
  readonly alignCorners?: boolean;
}

/** x [batch, channels, ...spatial] in another size, float32. */
export function interpolate(
  x: Tensor,
  { size, scaleFactor, mode = 'nearest', alignCorners = false }: InterpolateOptions,
): Float {
  const where = 'interpolate';
  if (mode !== 'nearest' && mode !== 'bilinear') {
    throw new OctavoError('INVALID_ARGUMENT', `[${where}] mode must be nearest or bilinear, got ${String(mode)}`);
  }
  if ((size === undefined) === (scaleFactor === undefined)) {
    throw new OctavoError('INVALID_ARGUMENT', `[${where}] expected either size or scaleFactor`);
  }
  const rank = Math.max(x.raw.dims.length - 2, 1);
  const to =
    size === undefined ? scaled(where, x, rank, scaleFactor as PerAxis) : perAxis(where, 'size', size, rank, 1);
  if (mode === 'nearest') return run(ops.upsampleNearest, [x], { size: to });
  return run(ops.upsampleBilinear, [x], { size: to, alignCorners: Number(alignCorners) });
}

function scaled(where: string, x: Tensor, rank: number, scaleFactor: PerAxis): number[] {
  const factors = typeof scaleFactor === 'number' ? new Array<number>(rank).fill(scaleFactor) : scaleFactor;
  if (factors.length !== rank || !factors.every((factor) => factor > 0 && Number.isFinite(factor))) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[${where}] scaleFactor must be a positive number, or ${rank} of them, got ${String(scaleFactor)}`,
    );
  }
  return x.dims.slice(-rank).map((dim, axis) => Math.floor(dim * (factors[axis] as number)));
}

/**
 * x with `value` around its last dims, float32. `padding` is in PyTorch's order, two numbers a dim from the last one
 * back: [left, right, top, bottom, ...]; negative numbers take elements away.
 */
export function pad(x: Tensor, padding: readonly number[], value = 0): Float {
  return run(padOp, [x], { padding: paddingAttr(padding), value });
}
