const f = Math.fround;

/**
 * Levels the error is measured with, whatever the observer's range: 2 to the bits of an 8-bit dtype (a PyTorch trait).
 */
const LEVELS = 256;
const STEP = 1e-5;

/** Where the upper end is cut, in turn: 1 less a step, less another, each difference rounded. */
let upperQuantiles: Float64Array | undefined;

/**
 * The part of a histogram's range whose codes lose least (PyTorch, `_non_linear_param_search`, after caffe2's norm
 * minimisation): the ends are cut by quantiles of 1e-5, always at the side where more bins go, until the error grows
 * for the first time. Quantiles are compared in float32.
 */
export function searchRange(histogram: Float32Array, min: number, max: number): { min: number; max: number } {
  const bins = histogram.length;
  upperQuantiles ??= quantilesDown();
  const betas = upperQuantiles;
  const cumulative = new Float32Array(bins);
  let total = 0;
  for (let i = 0; i < bins; i++) {
    total += histogram[i] as number;
    cumulative[i] = total;
  }
  total = f(total);
  const filled = filledBins(histogram, max - min);
  let [alpha, cuts] = [0, 0];
  let [first, last] = [0, bins - 1];
  let best = Number.POSITIVE_INFINITY;
  // The next ends; both only move inwards, since their quantiles do.
  let [left, right] = [0, bins - 1];
  while (alpha < (betas[cuts] as number)) {
    const nextAlpha = alpha + STEP;
    const nextBeta = betas[cuts + 1] as number;
    left = Math.max(left, first);
    right = Math.min(right, last);
    while (left < last && (cumulative[left] as number) < f(nextAlpha * total)) left++;
    while (right > first && (cumulative[right] as number) > f(nextBeta * total)) right--;
    const l = Math.min(left, last);
    const r = Math.max(right, first);
    const cutLeft = l - first > last - r;
    if (cutLeft) alpha = nextAlpha;
    else cuts++;
    const next: [number, number] = cutLeft ? [l, last] : [first, r];
    if (next[0] === first && next[1] === last) {
      if (first === last) break;
      // Neither end has moved, so beta alone is lowered until the upper one does: at once, for few values fill few
      // bins.
      cuts = cutsBelow(betas, cuts, (beta) => (cumulative[last] as number) > f(beta * total));
      continue;
    }
    const error = quantizationError(filled, bins, max - min, next[0], next[1]);
    if (error > best) break;
    best = error;
    [first, last] = next;
  }
  const width = f(f(max - min) / bins);
  return { min: f(min + f(width * first)), max: f(min + f(width * (last + 1))) };
}

function quantilesDown(): Float64Array {
  const quantiles: number[] = [];
  for (let beta = 1; beta > -STEP; beta -= STEP) quantiles.push(beta);
  return Float64Array.from(quantiles);
}

/** The most cuts, from `from` on, of which one more is the first to pass `isBelow`; all there are where none does. */
function cutsBelow(betas: Float64Array, from: number, isBelow: (beta: number) => boolean): number {
  let [low, high] = [from, betas.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBelow(betas[middle + 1] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The bins that are not empty, with their counts by unit of the values' range. */
function filledBins(histogram: Float32Array, range: number): readonly { bin: number; density: number }[] {
  const binWidth = f(range / histogram.length);
  const filled: { bin: number; density: number }[] = [];
  for (let bin = 0; bin < histogram.length; bin++) {
    const density = f((histogram[bin] as number) / binWidth);
    if (density !== 0) filled.push({ bin, density });
  }
  return filled;
}

/** Integral of t^2 from `from` to `to` times the density. */
function cost(from: number, to: number, density: number): number {
  return f(density * f(f(cube(to) - cube(from)) / 3));
}

function cube(t: number): number {
  return f(f(t * t) * t);
}

/**
 * The squared error of 256 levels laid over bins `first` to `last`, the values of a bin spread evenly over it (PyTorch,
 * `_compute_quantization_error`). Terms in float32 as there; their sum, whose order is open there, in double.
 */
function quantizationError(
  filled: ReturnType<typeof filledBins>,
  bins: number,
  range: number,
  first: number,
  last: number,
): number {
  const width = range / bins;
  const level = (width * (last - first + 1)) / LEVELS;
  if (level === 0) return 0;
  const [binWidth, levelWidth, half] = [f(width), f(level), f(level / 2)];
  const whole = (density: number) => cost(-half, half, density);
  let sum = 0;
  for (const { bin, density } of filled) {
    const begin = f((bin - first) * binWidth);
    const end = f(begin + binWidth);
    const levelOfBegin = levelOf(begin, levelWidth);
    const levelOfEnd = levelOf(end, levelWidth);
    const centreOfBegin = f(f(levelOfBegin + 0.5) * levelWidth);
    const centreOfEnd = f(f(levelOfEnd * levelWidth) + half);
    let error = cost(f(begin - centreOfBegin), half, density);
    error = f(error + f((levelOfEnd - levelOfBegin - 1) * whole(density)));
    error = f(error + cost(-half, f(end - centreOfEnd), density));
    sum += error;
  }
  return sum;
}

/**
 * The level that a distance falls into: its floor division in float32 (c10's `div_floor_floating`), within 0 to 255.
 */
function levelOf(distance: number, levelWidth: number): number {
  const remainder = distance % levelWidth;
  const quotient = f(f(distance - remainder) / levelWidth) - (remainder < 0 ? 1 : 0);
  const floor = Math.floor(quotient);
  const level = quotient - floor > 0.5 ? floor + 1 : floor;
  return Math.min(Math.max(level, 0), LEVELS - 1);
}
