import { OctavoError } from '../errors.js';

/** A failed read as one clear error: FILE_NOT_FOUND, or INVALID_FILE for a folder, missing rights and the like. */
export function readError(path: string, cause: unknown): OctavoError {
  const code = (cause as NodeJS.ErrnoException).code;
  const details = { path, errno: code };
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new OctavoError('FILE_NOT_FOUND', `${path}: there is no such file; check the path`, { cause, details });
  }
  const why =
    code === 'EISDIR' ? 'expected a file, got a folder; name a file in it' : `it cannot be read (${messageOf(cause)})`;
  return new OctavoError('INVALID_FILE', `${path}: ${why}`, { cause, details });
}

/** A failed write as one clear error: FILE_NOT_FOUND where the folder is missing, else INVALID_FILE. */
export function writeError(path: string, cause: unknown): OctavoError {
  const code = (cause as NodeJS.ErrnoException).code;
  const details = { path, errno: code };
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new OctavoError('FILE_NOT_FOUND', `${path}: its folder does not exist; create it first`, { cause, details });
  }
  return new OctavoError('INVALID_FILE', `${path}: it cannot be written (${messageOf(cause)})`, { cause, details });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
