import { OctavoError } from '@octavo/core';
import type { ImageExample } from '../data/images.js';
import { listImages } from '../data/images.js';

/** What `--calibrate` names: a folder, and how many of its images in order of name; null for all. */
export interface CalibrationSource {
  readonly dir: string;
  readonly count: number | null;
}

/** `FOLDER` or `FOLDER:N`. */
export function parseCalibration(text: string): CalibrationSource {
  const match = /^(.+):(\d+)$/.exec(text);
  const source = match === null ? { dir: text, count: null } : { dir: match[1] as string, count: Number(match[2]) };
  if (source.dir !== '' && source.count !== 0) return source;
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `calibrate: expected FOLDER or FOLDER:N with N of at least 1, got '${text}'`,
  );
}

/** Where nobody says otherwise: so many examples of the data, each seventh in order of name. */
const DEFAULT_COUNT = 64;
const DEFAULT_STEP = 7;

export interface Calibration {
  readonly files: readonly string[];
  /** Set where it is the data itself that was calibrated on. */
  readonly note?: string;
}

/**
 * The images to calibrate with: those that were named, else 64 of the data. `atMost` bounds the latter, for backends
 * that are slow.
 */
export async function chooseCalibration(
  source: CalibrationSource | null,
  examples: readonly ImageExample[],
  atMost: number,
): Promise<Calibration> {
  if (source !== null) return { files: await namedImages(source) };
  const files = examples
    .filter((_, i) => i % DEFAULT_STEP === 0)
    .slice(0, Math.min(DEFAULT_COUNT, atMost))
    .map(({ file }) => file);
  return {
    files,
    note:
      `calibrated on ${files.length} of the ${examples.length} images of the data, every seventh in order of name; ` +
      '--calibrate FOLDER takes others',
  };
}

/** The images of a folder, all or the first so many. */
export async function namedImages({ dir, count }: CalibrationSource): Promise<string[]> {
  const all = await listImages(dir);
  if (count === null || count <= all.length) return all.slice(0, count ?? all.length);
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `calibration folder ${dir}: expected at least ${count} images, as --calibrate asks for, got ${all.length}`,
  );
}
