const f = Math.fround;

/**
 * How many values fall into each of `bins` equal bins between min and max, as float32 counts (PyTorch's `histc`,
 * aten/src/ATen/native/cpu/HistogramKernel.cpp): bin = trunc((x - min) * bins / (max - min)), float32 after every
 * operation, the last bin closed. Values outside and NaN do not count; min = max widens to min - 1 and max + 1.
 */
export function histc(values: ArrayLike<number>, bins: number, min: number, max: number): Float32Array {
  const low = min === max ? f(min - 1) : min;
  const high = min === max ? f(max + 1) : max;
  const width = f(high - low);
  const counts = new Float64Array(bins);
  for (let i = 0; i < values.length; i++) {
    const x = values[i] as number;
    if (!(x >= low && x <= high)) continue;
    const bin = Math.trunc(f(f(f(x - low) * bins) / width));
    counts[bin < bins ? bin : bins - 1]! += 1;
  }
  return Float32Array.from(counts);
}
