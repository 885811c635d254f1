import { bindQParams } from './bind-qparams.js';
import { dropObservers } from './drop-observers.js';
import { foldConstants } from './fold-constants.js';
import { fuseActivations } from './fuse-activations.js';
import { fuseLinearDynamic } from './fuse-linear-dynamic.js';
import type { Pass } from './pass.js';
import { removeDeadCode } from './remove-dead-code.js';
import { replaceObservers } from './replace-observers.js';
import { shareEqualNodes } from './share-equal-nodes.js';
import { splitLinearDynamic } from './split-linear-dynamic.js';

// Every pass that runs, in the order in which it runs. `insertDynamicObservers` comes first: `prepareDynamic` calls
// it with the qconfigs of its dictionary.

/** A prepared graph to quantize and dequantize nodes around float ops: what `{ debug: true }` gives. */
export const CONVERT_PASSES: readonly Pass[] = [replaceObservers, removeDeadCode];

/** From there to frozen int8 ops. */
export const FREEZE_PASSES: readonly Pass[] = [fuseLinearDynamic, removeDeadCode];

/** Any graph to one whose every node is an instruction. */
export const LOWER_PASSES: readonly Pass[] = [
  dropObservers,
  bindQParams,
  foldConstants,
  fuseActivations,
  splitLinearDynamic,
  shareEqualNodes,
  removeDeadCode,
];
