import { fma } from '@octavo/core';

const f = Math.fround;

/** Each old bin is split into so many before its parts are dealt out to new bins (PyTorch 2.5: `upsample_rate`). */
export const UPSAMPLE_RATE = 16;

/**
 * A histogram over [min, max] as one over a wider range, with as many bins (PyTorch 2.5, `_upscale_histogram`): bins
 * are split in 16, and each part goes whole to the new bin that its midpoint falls into. float32 after every operation.
 */
export function rebin(
  histogram: Float32Array,
  from: { min: number; max: number },
  to: { min: number; max: number },
): Float32Array {
  const bins = histogram.length;
  const parts = bins * UPSAMPLE_RATE;
  const half = f(0.5 * f(f(from.max - from.min) / parts));
  const out = new Float32Array(bins);
  let bucket = 0;
  for (let part = 0; part < parts; part++) {
    const midpoint = f(linspace(from.min, from.max, parts + 1, part) + half);
    // Midpoints ascend, so the search for the last edge at or below goes on from the one before.
    while (bucket < bins - 1 && linspace(to.min, to.max, bins + 1, bucket + 1) <= midpoint) bucket++;
    const weight = f((histogram[Math.floor(part / UPSAMPLE_RATE)] as number) / UPSAMPLE_RATE);
    out[bucket] = (out[bucket] as number) + weight;
  }
  return out;
}

/**
 * Element k of `torch.linspace(start, end, count)` in float32: counted from the start in the first half, from the end
 * in the second, each with a fused multiply-add.
 */
function linspace(start: number, end: number, count: number, k: number): number {
  const step = f(f(end - start) / (count - 1));
  return k < Math.floor(count / 2) ? fma(step, k, start) : fma(-step, count - 1 - k, end);
}
