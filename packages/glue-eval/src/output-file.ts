import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { OctavoError } from '@octavo/core';

/**
 * Refuses a path that cannot be written, by writing an empty file beside it and taking it away again: a long run
 * must not find out at its end. An existing file at `path` stays untouched.
 *
 * @throws OctavoError INVALID_ARGUMENT naming the path and the reason.
 */
export async function checkWritable(path: string, option: string): Promise<void> {
  if (await isStream(path)) return;
  if ((await stat(path).catch(() => null))?.isDirectory()) {
    throw new OctavoError('INVALID_ARGUMENT', `${option} ${path}: expected a file to write, got a folder`);
  }
  const probe = temporaryName(path);
  try {
    await writeFile(probe, '');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const why = code === 'ENOENT' || code === 'ENOTDIR' ? `there is no folder ${dirname(path)}` : String(code);
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `${option} ${path}: cannot be written (${why}); create the folder or choose another path`,
      {
        cause,
      },
    );
  }
  await rm(probe, { force: true });
}

/** Writes a whole file or nothing: to a temporary name in the same folder, then renamed. */
export async function writeWhole(path: string, text: string): Promise<void> {
  if (await isStream(path)) return writeFile(path, text);
  const temporary = temporaryName(path);
  try {
    await writeFile(temporary, text);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** `/dev/stdout`, pipes and the like are written to, never replaced by a file. */
async function isStream(path: string): Promise<boolean> {
  const target = await stat(path).catch(() => null);
  return target !== null && !target.isFile() && !target.isDirectory();
}

function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
}
