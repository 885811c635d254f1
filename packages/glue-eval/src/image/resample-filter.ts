/** A filter that an image is resampled with: its weight at a distance from the centre, 0 from `support` on. */
export interface ResampleFilter {
  readonly support: number;
  weight(distance: number): number;
}

/** Pillow's filters by its names, evaluated in double as its `Resample.c` does. */
export const RESAMPLE_FILTERS = {
  bilinear: {
    support: 1,
    weight(distance) {
      const x = Math.abs(distance);
      return x < 1 ? 1 - x : 0;
    },
  },
  // Keys' cubic convolution with a = -0.5.
  bicubic: {
    support: 2,
    weight(distance) {
      const x = Math.abs(distance);
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
    },
  },
} as const satisfies Record<string, ResampleFilter>;

export type ResampleFilterName = keyof typeof RESAMPLE_FILTERS;
