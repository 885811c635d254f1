import { bindQParams } from './bind-qparams.js';
import { dropObservers } from './drop-observers.js';
import { emulateFakeQuantize } from './emulate-fake-quantize.js';
import { foldBatchNorm } from './fold-batch-norm.js';
import { foldClamps } from './fold-clamps.js';
import { foldConstants } from './fold-constants.js';
import { fuseActivations } from './fuse-activations.js';
import { fuseAttention } from './fuse-attention.js';
import { fuseBatchNorm } from './fuse-batch-norm.js';
import { fuseGelu } from './fuse-gelu.js';
import { fuseLayerNorm } from './fuse-layer-norm.js';
import { fuseLinearBias } from './fuse-linear-bias.js';
import { fuseLinearDynamic } from './fuse-linear-dynamic.js';
import { fuseOnnxAdd } from './fuse-onnx-add.js';
import { fuseOnnxDynamic } from './fuse-onnx-dynamic.js';
import { fuseRecurrentDynamic } from './fuse-recurrent-dynamic.js';
import { fuseRmsNorm } from './fuse-rms-norm.js';
import { fuseScaledDotProduct } from './fuse-scaled-dot-product.js';
import { fuseStatic } from './fuse-static.js';
import { inheritQParams } from './inherit-qparams.js';
import type { Pass } from './pass.js';
import { fuseTables, unpackTables } from './quantized-tables.js';
import { removeDeadCode } from './remove-dead-code.js';
import { replaceObservers } from './replace-observers.js';
import { settleImported } from './settle-imported.js';
import type { Shapes } from './shapes.js';
import { shareEqualNodes } from './share-equal-nodes.js';
import { splitLinearDynamic } from './split-linear-dynamic.js';
import { unsignedCodes } from './unsigned-codes.js';

// Every pass that runs, in the order in which it runs. `insertWeightObservers`, `insertDynamicObservers` and
// `insertStaticObservers` stand between the first two lists: `prepareDynamic` and `prepare` call them with the qconfigs of their dictionary.

/** A float graph to one that static quantization starts from. */
export const PREPARE_PASSES: readonly Pass[] = [foldBatchNorm, removeDeadCode];

/** What an imported graph goes through once: its nodes put into the forms that quantization and kernels know. */
export const importPasses = (shapes: Shapes): readonly Pass[] => [
  removeDeadCode,
  // These first: of the values that other passes make, `shapes` knows nothing.
  fuseAttention(shapes),
  removeDeadCode,
  fuseScaledDotProduct(shapes),
  removeDeadCode,
  fuseLayerNorm(shapes),
  fuseRmsNorm(shapes),
  fuseLinearBias,
  fuseOnnxDynamic,
  fuseGelu,
  fuseOnnxAdd,
  unsignedCodes,
  removeDeadCode,
  fuseStatic,
  removeDeadCode,
  foldClamps,
  removeDeadCode,
  settleImported,
  removeDeadCode,
];

/** A prepared graph to quantize and dequantize nodes around float ops: what `{ debug: true }` gives. */
export const CONVERT_PASSES: readonly Pass[] = [replaceObservers, inheritQParams, removeDeadCode];

/** What debug graphs get besides. */
export const DEBUG_PASSES: readonly Pass[] = [unpackTables, removeDeadCode];

/** From there to frozen int8 ops. */
export const FREEZE_PASSES: readonly Pass[] = [
  fuseTables,
  fuseLinearDynamic,
  fuseRecurrentDynamic,
  fuseStatic,
  removeDeadCode,
];

/** Any graph to one whose every node is an instruction. */
export const LOWER_PASSES: readonly Pass[] = [
  emulateFakeQuantize,
  dropObservers,
  bindQParams,
  foldConstants,
  fuseBatchNorm,
  fuseActivations,
  splitLinearDynamic,
  shareEqualNodes,
  removeDeadCode,
];
