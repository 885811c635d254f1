import { dotProducts } from '../../numerics/dot-product.js';
import { type Requantization, requantize } from '../../numerics/requantize.js';
import type { ConvPackedParams } from '../../tensor/conv-packed-params.js';
import { type Dims, sizeOf } from '../../tensor/shape.js';
import { TapOffsets } from '../conv-taps.js';

// The loops of quantized convolutions, plain and transposed. For a few output positions at a time, the inputs under the
// kernel's taps are gathered, of all channels; every output channel is then a dot product with its group's part of them.

/** Output positions gathered at a time: their inputs stay in the cache while all output channels read them. */
const TILE = 16;

/**
 * The codes of a convolution. x: codes [batch, in, ...spatial]. weight: codes less zero points
 * [out, in / groups, ...kernel]. dims: those of the result, [batch, out, ...].
 */
export function convCodes(
  x: { readonly data: Uint8Array; readonly dims: Dims },
  xZeroPoint: number,
  packed: ConvPackedParams,
  weight: Int32Array,
  dims: Dims,
  how: Requantization,
): Uint8Array {
  const { inChannels, outChannels, groups, kernel } = packed;
  const batch = dims[0] as number;
  const positions = sizeOf(dims.slice(2));
  const plane = sizeOf(x.dims.slice(2));
  const taps = sizeOf(kernel);
  const perGroup = outChannels / groups;
  const depth = (inChannels / groups) * taps;
  const width = inChannels * taps;
  const tapOffsets = new TapOffsets(packed, x.dims.slice(2), dims.slice(2));
  const offsets = new Int32Array(TILE * taps);
  const tile = new Int32Array(TILE * width);
  const sums = new Int32Array(TILE);
  const y = new Uint8Array(sizeOf(dims));
  for (let first = 0; first < positions; first += TILE) {
    const count = Math.min(TILE, positions - first);
    for (let i = 0; i < count; i++) tapOffsets.at(first + i, offsets, i * taps);
    for (let n = 0; n < batch; n++) {
      const image = n * inChannels * plane;
      for (let channel = 0; channel < inChannels; channel++) {
        gather(x.data, image + channel * plane, xZeroPoint, offsets, count, taps, tile, channel * taps, width);
      }
      for (let channel = 0; channel < outChannels; channel++) {
        const group = Math.floor(channel / perGroup);
        dotProducts(tile, group * depth, width, count, weight, channel * depth, depth, sums);
        const to = (n * outChannels + channel) * positions + first;
        for (let i = 0; i < count; i++) y[to + i] = requantize(sums[i] as number, channel, how);
      }
    }
  }
  return y;
}

/**
 * One channel of a tile: tile[position, channel, tap] = the input code there less its zero point, and 0 in the padding,
 * which stands for the zero point itself.
 */
function gather(
  data: Uint8Array,
  base: number,
  zeroPoint: number,
  offsets: Int32Array,
  count: number,
  taps: number,
  tile: Int32Array,
  to: number,
  width: number,
): void {
  for (let i = 0; i < count; i++) {
    const from = i * taps;
    const at = to + i * width;
    for (let tap = 0; tap < taps; tap++) {
      const offset = offsets[from + tap] as number;
      tile[at + tap] = offset < 0 ? 0 : (data[base + offset] as number) - zeroPoint;
    }
  }
}

/** [in, out / groups, ...kernel] as [out, in / groups, ...kernel]: the order of a plain convolution. */
export function transposedConvWeight(
  { inChannels, outChannels, groups, kernel }: ConvPackedParams,
  weight: Int32Array,
): Int32Array {
  const taps = sizeOf(kernel);
  const [perGroupIn, perGroupOut] = [inChannels / groups, outChannels / groups];
  const result = new Int32Array(weight.length);
  for (let channel = 0; channel < outChannels; channel++) {
    const group = Math.floor(channel / perGroupOut);
    for (let c = 0; c < perGroupIn; c++) {
      const from = ((group * perGroupIn + c) * perGroupOut + (channel % perGroupOut)) * taps;
      result.set(weight.subarray(from, from + taps), (channel * perGroupIn + c) * taps);
    }
  }
  return result;
}
