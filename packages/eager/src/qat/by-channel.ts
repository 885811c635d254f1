import { sizeOf, Tensor } from '@octavo/core';

// Loops over values that know their channel: axis 1 of images, the last axis of rows. Gradients are no part of the
// contract on bits, so sums are in double precision.

/** Where a value's channel is: channel = floor(index / inner) mod channels. */
export interface ChannelLayout {
  readonly channels: number;
  readonly inner: number;
}

/** Of x [batch, channels, ...spatial]. */
export function imageLayout({ raw: { dims } }: Tensor): ChannelLayout {
  return { channels: dims[1] as number, inner: sizeOf(dims.slice(2)) };
}

/** Of x [..., channels]. */
export function rowLayout({ raw: { dims } }: Tensor): ChannelLayout {
  return { channels: dims.at(-1) as number, inner: 1 };
}

/** `of(value, channel, index)` for every value of x, float32 of x's dims. */
export function mapByChannel(
  x: Tensor,
  { channels, inner }: ChannelLayout,
  of: (value: number, channel: number, index: number) => number,
): Tensor<'float32'> {
  const data = (x.raw.data as Float32Array).map((value, i) => of(value, Math.floor(i / inner) % channels, i));
  return new Tensor('float32', data, x.raw.dims);
}

/** The sum over every channel of `of(value, channel, index)`. */
export function sumByChannel(
  x: Tensor,
  { channels, inner }: ChannelLayout,
  of: (value: number, channel: number, index: number) => number = (value) => value,
): Float64Array {
  const sums = new Float64Array(channels);
  (x.raw.data as Float32Array).forEach((value, i) => {
    const channel = Math.floor(i / inner) % channels;
    sums[channel] = (sums[channel] as number) + of(value, channel, i);
  });
  return sums;
}

/** Sums of channels as a parameter's gradient, float32 [channels]. */
export function parameterOf(sums: Float64Array): Tensor<'float32'> {
  return new Tensor('float32', Float32Array.from(sums));
}
