import type { nn, Tensor } from '@octavo/core';

/** A layer that turns one tensor into another; conversions put quantized ones in place. */
export type Layer = nn.Module<(x: Tensor) => Tensor>;
