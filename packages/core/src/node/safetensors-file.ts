import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { isOctavoError, type OctavoError } from '../errors.js';
import {
  bytesOf,
  headerLength,
  parseHeader,
  planSafetensors,
  type SafetensorsContent,
  type SafetensorsEntry,
  type SafetensorsHeader,
  tensorOfEntry,
} from '../io/safetensors.js';
import type { Tensor } from '../tensor/tensor.js';
import { allocator } from './allocator.js';
import { readError, writeError } from './file-errors.js';
import { type BytesListener, readInto } from './read-into.js';
import { withTemporaryFile } from './temporary-file.js';

/** One write call moves at most this much: the kernel's own limit is 2 GiB. */
const MAX_RANGE = 2 ** 30;

/** Looks at a header before any data is read; may throw to refuse the file. */
export type HeaderCheck = (header: SafetensorsHeader) => void;

/**
 * The tensors and metadata of a safetensors file, each tensor in memory of its own. The file is read once, front to
 * back. A missing file is FILE_NOT_FOUND; one that is truncated, altered or of another format is INVALID_FILE.
 */
export async function readSafetensors(path: string): Promise<SafetensorsContent> {
  return readChecked(
    path,
    () => {},
    () => {},
  );
}

/** @internal `readSafetensors` with a look at the header and at all bytes that pass. */
export async function readChecked(
  path: string,
  check: HeaderCheck,
  listen: BytesListener,
): Promise<SafetensorsContent> {
  return withFile(path, 'r', readError, async (file) => {
    const { size } = await file.stat();
    const read = async (from: number, length: number): Promise<Uint8Array> => {
      const bytes = new Uint8Array(length);
      await readInto(file, from, [bytes], path, () => {});
      return bytes;
    };
    const length = headerLength(await read(0, Math.min(8, size)), size, path);
    const header = parseHeader(await read(8, length), size - 8 - length, path);
    check(header);
    const allocate = allocator(size);
    const memory = header.entries.map(({ begin, end }) => allocate(end - begin));
    await readInto(file, 8 + length, memory, path, listen);
    const tensors: Record<string, Tensor> = {};
    header.entries.forEach((entry, i) => {
      tensors[entry.name] = tensorOfEntry(entry, memory[i] as Uint8Array, true);
    });
    return { tensors, metadata: header.metadata };
  });
}

/**
 * Writes a safetensors file under a temporary name beside `path`, then renames it: a reader sees the old file or the
 * whole new one. Ctrl-C leaves no temporary file. Returns its size in bytes.
 */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<number> {
  const { head, entries, dataBytes } = planSafetensors(tensors, metadata);
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await withTemporaryFile(temporary, async () => {
      await withFile(
        temporary,
        'wx',
        (_, cause) => writeError(path, cause),
        (file) => writeAll(file, head, entries, tensors),
      );
      await rename(temporary, path);
    });
  } catch (cause) {
    await rm(temporary, { force: true });
    throw isOctavoError(cause) ? cause : writeError(path, cause);
  }
  return head.length + dataBytes;
}

async function writeAll(
  file: FileHandle,
  head: Uint8Array,
  entries: readonly SafetensorsEntry[],
  tensors: Readonly<Record<string, Tensor>>,
): Promise<void> {
  await writeBytes(file, head);
  for (const { name } of entries) await writeBytes(file, bytesOf(tensors[name] as Tensor));
  await file.sync();
}

async function writeBytes(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, Math.min(bytes.length - done, MAX_RANGE))).bytesWritten;
  }
}

async function withFile<R>(
  path: string,
  flags: string,
  wrap: (path: string, cause: unknown) => OctavoError,
  body: (file: FileHandle) => Promise<R>,
): Promise<R> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, flags);
    return await body(file);
  } catch (cause) {
    throw isOctavoError(cause) ? cause : wrap(path, cause);
  } finally {
    await file?.close();
  }
}
