import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { nn, OctavoError } from '@octavo/core';
import { readWeights } from '../weights/read-weights.js';
import type { Json } from './config-values.js';

/** The file of weights in a model's folder. */
export const WEIGHTS_FILE = 'model.safetensors';

/** The `config.json` of a model's folder, which must be there. */
export async function readModelConfig(dir: string): Promise<{ readonly json: Json; readonly file: string }> {
  const found = await stat(dir).catch(() => null);
  if (!found?.isDirectory()) {
    throw new OctavoError(
      found === null ? 'FILE_NOT_FOUND' : 'INVALID_ARGUMENT',
      `model ${dir}: expected a folder with config.json and ${WEIGHTS_FILE}, as Hugging Face has them, got ` +
        `${found === null ? 'nothing by that name' : 'a file'}; check the path`,
      { details: { dir } },
    );
  }
  const file = join(dir, 'config.json');
  return { json: await readConfig(file), file };
}

async function readConfig(file: string): Promise<Json> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new OctavoError('FILE_NOT_FOUND', `${file}: there is no such file; a model's folder has one`, { cause });
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OctavoError('INVALID_FILE', `${file}: expected JSON, got something else (${why}); download it again`, {
      cause,
    });
  }
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Json;
  throw new OctavoError('INVALID_FILE', `${file}: expected a JSON object; download it again`);
}

/** What a folder may hold instead of model.safetensors, and what to do about it. */
const OTHER_WEIGHTS: readonly [file: string, remedy: string][] = [
  ['model.safetensors.index.json', 'the weights are in several files, which is not supported: save them as one'],
  ['pytorch_model.bin', 'save the model again with save_pretrained(..., safe_serialization=True)'],
];

/** The weights of a model's folder by name, without `ignored` ones; float16 and bfloat16 are widened to float32. */
export async function readModelWeights(dir: string, ignored: readonly string[] = []): Promise<nn.StateDict> {
  const file = join(dir, WEIGHTS_FILE);
  if ((await stat(file).catch(() => null)) === null) {
    for (const [other, remedy] of OTHER_WEIGHTS) {
      if ((await stat(join(dir, other)).catch(() => null)) === null) continue;
      throw new OctavoError('FILE_NOT_FOUND', `${file}: there is no such file, but ${other}: ${remedy}`);
    }
    throw new OctavoError('FILE_NOT_FOUND', `${file}: there is no such file; a model's folder has one`);
  }
  const state = await readWeights(file);
  return Object.fromEntries(Object.entries(state).filter(([name]) => !ignored.includes(name)));
}

/**
 * What builds float models in evaluation mode from one set of weights, as often as needed; they share the weights.
 * The first is built here: weights that do not fit are an error that names `file`.
 */
export function builderOf(build: () => nn.Module, state: nn.StateDict, file: string): () => nn.Module {
  const complete = (): nn.Module => {
    const model = nn.skipInit(build);
    model.loadStateDict(state);
    return model.eval();
  };
  try {
    complete();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new OctavoError('STATE_DICT_MISMATCH', `${file}: ${message}`, { cause });
  }
  return complete;
}
