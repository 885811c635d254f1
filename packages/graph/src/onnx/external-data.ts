import { closeSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, resolve, sep, win32 } from 'node:path';
import { OctavoError } from '@octavo/core';

/**
 * Files beside a model that hold its tensors. Only files inside the model's folder are read: a name must be relative and
 * without `..`, and where it is a link, what it points to must lie in the folder of the model's own file.
 */
export class ExternalData {
  private readonly files = new Map<string, { fd: number; size: number }>();

  /** source: the model's file, for messages; folder: null where the model came as bytes and nobody named one. */
  constructor(
    private readonly source: string,
    private readonly folder: string | null,
    private readonly modelPath: string | null,
  ) {}

  /** A copy of `length` bytes from `offset`, to the file's end where no length is given. */
  read(tensor: string, location: string, offset: number, length: number | null): Uint8Array<ArrayBuffer> {
    const { fd, size } = this.open(tensor, location);
    const count = length ?? size - offset;
    const sane = Number.isSafeInteger(offset) && Number.isSafeInteger(count) && offset >= 0 && count >= 0;
    if (!sane || offset + count > size) {
      throw this.fault(tensor, `bytes ${offset} to ${offset + count} lie outside '${location}', which has ${size}`);
    }
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count; ) {
      const got = readSync(fd, bytes, at, Math.min(count - at, 2 ** 30), offset + at);
      if (got === 0) throw this.fault(tensor, `'${location}' ended while it was read`);
      at += got;
    }
    return bytes;
  }

  close(): void {
    for (const { fd } of this.files.values()) closeSync(fd);
    this.files.clear();
  }

  private open(tensor: string, location: string): { fd: number; size: number } {
    const known = this.files.get(location);
    if (known !== undefined) return known;
    const path = this.resolve(tensor, location);
    const fd = openSync(path, 'r');
    const stat = fstatSync(fd);
    this.files.set(location, { fd, size: stat.size });
    if (!stat.isFile()) throw this.fault(tensor, `'${location}' is no file`);
    return this.files.get(location) as { fd: number; size: number };
  }

  private resolve(tensor: string, location: string): string {
    if (this.folder === null) {
      throw this.fault(tensor, `its data lies in '${location}'; import the file, or name its folder ({ folder })`);
    }
    const escapes = isAbsolute(location) || win32.isAbsolute(location) || location.split(/[/\\]/).includes('..');
    if (location === '' || location.includes('\0') || escapes) {
      throw this.fault(
        tensor,
        `its data's file name '${location}' leads out of the model's folder, which is never read`,
      );
    }
    const allowed = [this.folder, ...(this.modelPath === null ? [] : [dirname(this.modelPath)])].map(real);
    const path = real(resolve(this.folder, location));
    if (path === null)
      throw this.fault(tensor, `its data's file '${location}' is missing beside the model`, 'FILE_NOT_FOUND');
    if (!allowed.some((folder) => folder !== null && path.startsWith(folder.endsWith(sep) ? folder : folder + sep))) {
      throw this.fault(
        tensor,
        `its data's file '${location}' is a link out of the model's folder, which is never read`,
      );
    }
    return path;
  }

  private fault(tensor: string, why: string, code: 'INVALID_FILE' | 'FILE_NOT_FOUND' = 'INVALID_FILE'): OctavoError {
    return new OctavoError(code, `${this.source}: tensor '${tensor}': ${why}`, {
      details: { tensor, source: this.source },
    });
  }
}

function real(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
