import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { didYouMean, nn, OctavoError, Tensor } from '@octavo/core';
import { readWeights } from '../../weights/read-weights.js';
import { builderOf, readModelConfig, readModelWeights, WEIGHTS_FILE } from '../model-folder.js';
import {
  describedArchitecture,
  IMAGE_MODEL_NAMES,
  type ImageArchitecture,
  namedArchitecture,
} from './architectures.js';
import { fillRandom } from './random-weights.js';

/** An image classifier with its weights, read once; float modules are built from it as often as needed. */
export interface ImageModel extends ImageArchitecture {
  /** What a reader of its results must know. */
  readonly note?: string;
  /** A new float model in evaluation mode. All models built here share the weights: change none of them. */
  build(): nn.Module;
}

/** The seed of weights that nobody gave. */
const SEED = 0;

/**
 * Opens an image classifier: a folder with `config.json` and `model.safetensors`, or a name such as `resnet18`. Weights
 * come from `weightsFile` (safetensors, or a `.pth` state dict with torchvision's names), else from the folder; a name
 * alone has random ones of a fixed seed, and says so.
 *
 * @throws OctavoError FILE_NOT_FOUND and UNKNOWN_NAME for what is not there; INVALID_FILE for damaged files;
 * UNSUPPORTED for
 *   an architecture that is not built; STATE_DICT_MISMATCH for weights that do not fit.
 */
export async function openImageModel(model: string, weightsFile: string | null = null): Promise<ImageModel> {
  const given = weightsFile === null ? null : await readWeights(weightsFile);
  const found = await stat(model).catch(() => null);
  const named = found === null ? namedArchitecture(model, given) : null;
  if (named !== null) {
    return given === null ? withRandomWeights(named) : withWeights(named, given, weightsFile as string);
  }
  if (found === null && !/[\\/]/.test(model)) {
    throw new OctavoError(
      'UNKNOWN_NAME',
      `model ${model}: there is no such folder, and no model of that name${didYouMean(model, IMAGE_MODEL_NAMES) || ';'} ` +
        `known: ${IMAGE_MODEL_NAMES.join(', ')}`,
    );
  }
  const { json, file } = await readModelConfig(model);
  const architecture = describedArchitecture(json, file);
  return given === null
    ? withWeights(architecture, await readModelWeights(model), join(model, WEIGHTS_FILE))
    : withWeights(architecture, given, weightsFile as string);
}

/** One black image, by the name that traced graphs give their input. */
export function exampleImages(size: number): Readonly<Record<string, Tensor>> {
  return { images: Tensor.zeros([1, 3, size, size]) };
}

function withWeights(architecture: ImageArchitecture, state: nn.StateDict, file: string): ImageModel {
  return { ...architecture, build: builderOf(architecture.build, state, file) };
}

function withRandomWeights(architecture: ImageArchitecture): ImageModel {
  const model = nn.skipInit(architecture.build);
  fillRandom(model, SEED);
  return {
    ...withWeights(architecture, model.stateDict(), architecture.name),
    note: `${architecture.name} has random weights (seed ${SEED}), so its metrics mean nothing; --weights FILE gives it trained ones`,
  };
}
