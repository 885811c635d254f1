import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Preprocess } from '../../image/preprocess.js';
import { TORCHVISION_PREPROCESS } from '../../image/presets.js';
import { readModelConfig } from '../model-folder.js';
import { describedArchitecture, isImageConfig, namedArchitecture } from './architectures.js';

/** How images become inputs of a graph, and what a reader must know of it. */
export interface GraphPreprocess {
  readonly preprocess: Preprocess;
  readonly note?: string;
}

/**
 * The preprocessing for a graph in a file, which holds none: that of `like` (a model's folder or name), else what a
 * config.json beside the file says, else torchvision's.
 */
export async function preprocessOf(file: string, like: string | null): Promise<GraphPreprocess> {
  const named = like === null ? null : namedArchitecture(like, null);
  if (named !== null) return { preprocess: named.preprocess };
  const dir = like ?? dirname(file);
  const hasConfig = like !== null || (await stat(join(dir, 'config.json')).catch(() => null)) !== null;
  if (hasConfig) {
    const { json, file: config } = await readModelConfig(dir);
    if (like !== null || isImageConfig(json)) return { preprocess: describedArchitecture(json, config).preprocess };
  }
  return {
    preprocess: TORCHVISION_PREPROCESS,
    note: "images are preprocessed as for torchvision's models; --preprocess MODEL takes another model's way",
  };
}
