import { join } from 'node:path';
import type { nn } from '@octavo/core';
import { architectureOf, type ClassifierConfig } from './architectures.js';
import { builderOf, readModelConfig, readModelWeights, WEIGHTS_FILE } from './model-folder.js';

/** A classifier of a Hugging Face folder, read once; float modules are built from it as often as needed. */
export interface Pretrained {
  readonly dir: string;
  readonly architecture: string;
  readonly config: ClassifierConfig;
  /** Number of weights. */
  readonly weights: number;
  /** A new float model in evaluation mode. All models built here share the weights: change none of them. */
  build(): nn.Module;
}

/**
 * Opens a Hugging Face folder: `config.json` and `model.safetensors`. float16 weights are widened to float32.
 * Every parameter of the architecture must be in the file with its shape, and nothing else.
 *
 * @throws OctavoError FILE_NOT_FOUND for a folder or file that is absent; INVALID_FILE for a truncated or malformed
 * one;
 *   UNSUPPORTED for an architecture or setting that is not built; STATE_DICT_MISMATCH for weights that do not fit.
 */
export async function openPretrained(dir: string): Promise<Pretrained> {
  const { json, file } = await readModelConfig(dir);
  const architecture = architectureOf(json, file);
  const { config, build } = architecture.configure(json, file);
  const state = await readModelWeights(dir, architecture.ignoredNames);
  const weights = Object.values(state).reduce((sum, { size }) => sum + size, 0);
  return {
    dir,
    architecture: architecture.name,
    config,
    weights,
    build: builderOf(build, state, join(dir, WEIGHTS_FILE)),
  };
}

/** The float model of a Hugging Face folder, ready to be called, quantized or traced. */
export async function loadPretrained(dir: string): Promise<nn.Module> {
  return (await openPretrained(dir)).build();
}
