import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { nn, OctavoError } from '@octavo/core';
import { readSafetensors, widenFloat16 } from '@octavo/core/node';
import { architectureOf, type ClassifierConfig } from './architectures.js';

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
 * @throws OctavoError FILE_NOT_FOUND for a folder or file that is absent; INVALID_FILE for a truncated or malformed one;
 *   UNSUPPORTED for an architecture or setting that is not built; STATE_DICT_MISMATCH for weights that do not fit.
 */
export async function openPretrained(dir: string): Promise<Pretrained> {
  await checkFolder(dir);
  const configFile = join(dir, 'config.json');
  const json = await readConfig(configFile);
  const architecture = architectureOf(json, configFile);
  const { config, build } = architecture.configure(json, configFile);
  const state = await readWeights(dir, architecture.ignoredNames);
  const complete = (): nn.Module => {
    const model = nn.skipInit(build);
    model.loadStateDict(state);
    return model.eval();
  };
  try {
    complete();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new OctavoError('STATE_DICT_MISMATCH', `${join(dir, 'model.safetensors')}: ${message}`, { cause });
  }
  const weights = Object.values(state).reduce((sum, { size }) => sum + size, 0);
  return { dir, architecture: architecture.name, config, weights, build: complete };
}

/** The float model of a Hugging Face folder, ready to be called, quantized or traced. */
export async function loadPretrained(dir: string): Promise<nn.Module> {
  return (await openPretrained(dir)).build();
}

async function checkFolder(dir: string): Promise<void> {
  const found = await stat(dir).catch(() => null);
  if (found?.isDirectory()) return;
  throw new OctavoError(
    found === null ? 'FILE_NOT_FOUND' : 'INVALID_ARGUMENT',
    `model ${dir}: expected a Hugging Face folder with config.json and model.safetensors, got ` +
      `${found === null ? 'nothing by that name' : 'a file'}; check the path`,
    { details: { dir } },
  );
}

async function readConfig(file: string): Promise<Readonly<Record<string, unknown>>> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new OctavoError('FILE_NOT_FOUND', `${file}: there is no such file; a Hugging Face folder has one`, {
        cause,
      });
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OctavoError('INVALID_FILE', `${file}: expected JSON, got something else (${why}); download it again`, {
      cause,
    });
  }
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  throw new OctavoError('INVALID_FILE', `${file}: expected a JSON object; download it again`);
}

/** What a folder may hold instead of model.safetensors, and what to do about it. */
const OTHER_WEIGHTS: readonly [file: string, remedy: string][] = [
  ['model.safetensors.index.json', 'the weights are in several files, which is not supported: save them as one'],
  ['pytorch_model.bin', 'save the model again with save_pretrained(..., safe_serialization=True)'],
];

async function readWeights(dir: string, ignored: readonly string[]): Promise<nn.StateDict> {
  const file = join(dir, 'model.safetensors');
  if ((await stat(file).catch(() => null)) === null) {
    for (const [other, remedy] of OTHER_WEIGHTS) {
      if ((await stat(join(dir, other)).catch(() => null)) === null) continue;
      throw new OctavoError('FILE_NOT_FOUND', `${file}: there is no such file, but ${other}: ${remedy}`);
    }
    throw new OctavoError('FILE_NOT_FOUND', `${file}: there is no such file; a Hugging Face folder has one`);
  }
  const { tensors } = await readSafetensors(file);
  const state: nn.StateDict = {};
  for (const [name, tensor] of Object.entries(tensors)) {
    if (!ignored.includes(name)) state[name] = tensor.type === 'float16' ? widenFloat16(tensor) : tensor;
  }
  return state;
}
