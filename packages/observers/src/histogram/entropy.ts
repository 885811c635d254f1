import { QSCHEMES } from '../qscheme.js';
import { BinnedObserver, type HistogramObserverOptions } from './binned-observer.js';

/**
 * Stands for an empty bin in the divergence, whose logarithm would be infinite (ONNX Runtime, `smooth_distribution`).
 */
const EMPTY = 1e-4;

/**
 * A histogram of everything seen, cut at the magnitude where the codes tell most of it: of the ranges [-t, t] within
 * what was seen, the one whose values, cut to it, diverge least (Kullback-Leibler) from their own histogram over the
 * codes (TensorRT's calibration by entropy; ONNX Runtime, calibrate.py, `get_entropy_threshold`). There the histogram
 * and the codes are symmetric and 128; here they are the observer's.
 */
export class EntropyObserver extends BinnedObserver {
  static override readonly typeName = 'EntropyObserver';

  constructor(options: HistogramObserverOptions = {}) {
    super(options);
  }

  protected override chooseRange(): { min: number; max: number } {
    const { minVal, maxVal, bins } = this;
    const histogram = this.histogram.slice();
    tellNothingOfZero(histogram, minVal, maxVal);
    const levels = this.quantMax - this.quantMin + 1;
    const width = (maxVal - minVal) / bins;
    const largest = Math.max(-minVal, maxVal);
    const { symmetric } = QSCHEMES[this.qscheme];
    let best = { min: minVal, max: maxVal };
    let least = Number.POSITIVE_INFINITY;
    // Below one bin a code there is nothing to measure.
    for (let t = largest; t > 0; t -= width) {
      const [min, max] = [Math.max(minVal, -t), Math.min(maxVal, t)];
      const first = Math.min(Math.max(Math.round((min - minVal) / width), 0), bins - 1);
      const end = Math.min(Math.max(Math.round((max - minVal) / width), first + 1), bins);
      const span = symmetric ? (2 * t) / width : Math.max(max, 0) / width - Math.min(min, 0) / width;
      if (span < levels) break;
      const divergence = divergenceOf(histogram, first, end, span / levels);
      if (divergence < least) [best, least] = [{ min, max }, divergence];
    }
    return best;
  }
}

/**
 * Gives the bin of 0 its neighbour's count (NVIDIA's pytorch-quantization, `_compute_amax_entropy`): 0 has a code in
 * any range, and where most values are 0, as behind a relu, the divergence would be that of this one bin.
 */
function tellNothingOfZero(histogram: Float32Array, min: number, max: number): void {
  if (min > 0 || max < 0) return;
  const last = histogram.length - 1;
  const zero = Math.min(Math.floor((-min / (max - min)) * histogram.length), last);
  const neighbours = [zero - 1, zero + 1].filter((i) => i >= 0 && i <= last).map((i) => histogram[i] as number);
  histogram[zero] = Math.min(histogram[zero] as number, Math.max(...neighbours));
}

/**
 * How far the bins from `first` to before `end`, with all beyond added to the two at the ends, diverge from what codes
 * of `perCode` bins each leave of those bins: a code's count spread evenly over its bins that are not empty.
 */
function divergenceOf(histogram: Float32Array, first: number, end: number, perCode: number): number {
  const kept = Float64Array.from(histogram.subarray(first, end));
  const coded = new Float64Array(kept.length);
  const clipped = kept.slice();
  for (let i = 0; i < first; i++) clipped[0]! += histogram[i] as number;
  for (let i = end; i < histogram.length; i++) clipped[clipped.length - 1]! += histogram[i] as number;
  for (let start = 0; start < kept.length; ) {
    const stop = Math.min(Math.max(Math.ceil((Math.floor(start / perCode) + 1) * perCode), start + 1), kept.length);
    let [count, used] = [0, 0];
    for (let i = start; i < stop; i++) {
      count += kept[i] as number;
      if (clipped[i] !== 0) used++;
    }
    for (let i = start; i < stop; i++) coded[i] = clipped[i] === 0 ? 0 : count / used;
    start = stop;
  }
  let [total, codedTotal] = [0, 0];
  for (let i = 0; i < kept.length; i++) {
    total += clipped[i] || EMPTY;
    codedTotal += coded[i] || EMPTY;
  }
  let divergence = 0;
  for (let i = 0; i < kept.length; i++) {
    const p = (clipped[i] || EMPTY) / total;
    divergence += p * Math.log(p / ((coded[i] || EMPTY) / codedTotal));
  }
  return divergence;
}
