import {
  BAG_MODES,
  type BagMode,
  checkBagMode,
  embeddingBag as embeddingBagOp,
  NO_PADDING,
} from '../ops/embedding-bag.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Float, run } from './run.js';

/** How rows become bags. */
export interface BagOptions {
  /** 'mean' when left out. */
  mode?: BagMode;
  /** One weight for each index, with mode 'sum' only; float32 of the indices' dims. */
  perSampleWeights?: Tensor | null;
  /** The offsets end with the number of indices, so that there is one more of them than bags. */
  includeLastOffset?: boolean;
  /** An index whose rows do not count. */
  paddingIdx?: number | null;
}

/**
 * Means, sums or maxima of rows of `weight` [entries, width]: int64 or int32 indices [bags, n], or [n] with offsets
 * [bags] of where each bag starts among them -> [bags, width], float32. An empty bag is zeros.
 */
export function embeddingBag(
  indices: Tensor,
  weight: Tensor,
  offsets: Tensor | null = null,
  { mode = 'mean', perSampleWeights = null, includeLastOffset = false, paddingIdx = null }: BagOptions = {},
): Float {
  return run(embeddingBagOp, [weight, indices, offsets, perSampleWeights], {
    mode: BAG_MODES[checkBagMode(mode, 'embeddingBag')],
    includeLastOffset: includeLastOffset ? 1 : 0,
    paddingIdx: paddingIdx ?? NO_PADDING,
  });
}
