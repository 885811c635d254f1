import type { QuantizedTensor, Tensor } from '@octavo/core';

/**
 * Rounds weights of a convolution, [channels, channels, ...taps], the other way where that keeps sums: the errors of a
 * kernel's taps, in steps, then add up to a half at most. Neighbouring pixels are alike, so that the sum of those
 * errors reaches every output, and one by one they cancel. The first stage of SQuant (Guo et al. 2022, arXiv
 * 2202.07471): of the taps that were rounded too far to one side, those rounded furthest go to their other neighbour,
 * each once. Needs no data; changes `codes` in place, within `quantMin` and `quantMax`. Weights without taps stay.
 */
export function keepKernelSums(
  weight: Tensor<'float32'>,
  codes: QuantizedTensor,
  { quantMin, quantMax }: { readonly quantMin: number; readonly quantMax: number },
): void {
  const { data, dims } = weight.raw;
  const [first = 0, second = 0] = dims;
  const taps = data.length / (first * second);
  if (dims.length < 3 || taps < 2) return;
  const stored = codes.values.raw.data;
  const { scales, zeroPoints, axis } = codes;
  const errors = new Float64Array(taps);
  for (let kernel = 0; kernel < first * second; kernel++) {
    const channel = axis === null ? 0 : axis === 0 ? Math.floor(kernel / second) : kernel % second;
    const [scale, zeroPoint] = [scales[channel] as number, zeroPoints[channel] as number];
    const start = kernel * taps;
    let sum = 0;
    for (let i = 0; i < taps; i++) {
      const error = (stored[start + i] as number) - zeroPoint - (data[start + i] as number) / scale;
      errors[i] = error;
      sum += error;
    }
    const sign = Math.sign(sum);
    const furthest = Array.from(errors.keys())
      .filter((i) => (errors[i] as number) * sign > 0)
      .sort((a, b) => sign * ((errors[b] as number) - (errors[a] as number)));
    for (const i of furthest.slice(0, Math.round(Math.abs(sum)))) {
      const other = (stored[start + i] as number) - sign;
      if (other >= quantMin && other <= quantMax) stored[start + i] = other;
    }
  }
}
