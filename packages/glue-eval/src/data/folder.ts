import { readdir } from 'node:fs/promises';
import { OctavoError } from '@octavo/core';

/** The names in a folder, in order; or what is there instead of a folder, as an error. `what` begins the message. */
export async function listFolder(what: string, dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).sort();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const details = { dir };
    if (code === 'ENOTDIR') {
      const message = `${what} ${dir}: expected a folder, got a file; give the folder that holds it`;
      throw new OctavoError('INVALID_ARGUMENT', message, { details, cause });
    }
    const got = code === 'ENOENT' ? 'nothing by that name' : (code ?? String(cause));
    const message = `${what} ${dir}: expected a readable folder, got ${got}; check the path`;
    throw new OctavoError('FILE_NOT_FOUND', message, { details, cause });
  }
}
