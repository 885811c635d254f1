import { createHash, type Hash } from 'node:crypto';
import { OctavoError } from '../errors.js';
import {
  bytesOf,
  planEntries,
  planSafetensors,
  type SafetensorsContent,
  type SafetensorsEntry,
} from '../io/safetensors.js';
import type { Tensor } from '../tensor/tensor.js';
import { readChecked, writeSafetensors } from './safetensors-file.js';

// The file of a quantized model: safetensors, so that any reader lists it, whose metadata says what it is. `format`
// holds the version, `checksum` a SHA-256 over all other metadata, the tensors' names, types and shapes, and the data.

/** What the metadata's `format` says. A reader takes any minor version of its major one. */
export interface FileFormat {
  readonly major: number;
  readonly minor: number;
}

/** The version this package writes. The major one grows when older readers would misread a file. */
export const QUANTIZED_FILE_FORMAT: FileFormat = { major: 1, minor: 0 };

const RESERVED = ['format', 'checksum'];
const CHECKSUM = /^sha256:[0-9a-f]{64}$/;

/** Tensors, and texts of the caller's own (a graph as JSON, say). `format` and `checksum` are taken. */
export interface QuantizedFileContent {
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Writes a quantized model's file (temporary name, then renamed). Returns its size in bytes. */
export async function writeQuantizedFile(path: string, content: QuantizedFileContent): Promise<number> {
  return writeSafetensors(path, content.tensors, withChecksum(content));
}

/** The size in bytes of the file that `writeQuantizedFile` would write. */
export function quantizedFileSize({ tensors, metadata }: QuantizedFileContent): number {
  const { head, dataBytes } = planSafetensors(tensors, {
    ...metadata,
    format: JSON.stringify(QUANTIZED_FILE_FORMAT),
    checksum: checksumText('0'.repeat(64)),
  });
  return head.length + dataBytes;
}

/**
 * Reads what `writeQuantizedFile` wrote; its metadata comes back without `format` and `checksum`. A file that is
 * truncated, altered, of a later major version, or no quantized model at all is refused, each in its own words.
 */
export async function readQuantizedFile(path: string): Promise<SafetensorsContent & { readonly format: FileFormat }> {
  let format: FileFormat = QUANTIZED_FILE_FORMAT;
  let hash: Hash | undefined;
  const { tensors, metadata } = await readChecked(
    path,
    (header) => {
      format = checkFormat(path, header.metadata);
      hash = startHash(header.metadata, header.entries);
    },
    (bytes) => hash?.update(bytes),
  );
  const expected = metadata.checksum;
  if (checksumText((hash as Hash).digest('hex')) !== expected) {
    throw new OctavoError(
      'INVALID_FILE',
      `${path}: the checksum does not match: the file was altered or damaged after it was saved; copy it again`,
      { details: { path, expected } },
    );
  }
  return { tensors, format, metadata: withoutReserved(metadata) };
}

function withChecksum({ tensors, metadata }: QuantizedFileContent): Record<string, string> {
  for (const key of RESERVED) {
    if (Object.hasOwn(metadata, key)) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[writeQuantizedFile] metadata may not hold '${key}': the file's own use it`,
      );
    }
  }
  const complete: Record<string, string> = { format: JSON.stringify(QUANTIZED_FILE_FORMAT), ...metadata };
  const { entries } = planEntries(tensors);
  const hash = startHash(complete, entries);
  for (const { name } of entries) hash.update(bytesOf(tensors[name] as Tensor));
  return { ...complete, checksum: checksumText(hash.digest('hex')) };
}

/** A hash that has taken in all of the header but the checksum, in an order of its own. */
function startHash(metadata: Readonly<Record<string, string>>, entries: readonly SafetensorsEntry[]): Hash {
  const texts = Object.entries(metadata)
    .filter(([key]) => key !== 'checksum')
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const places = [...entries]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, code, dims, begin, end }) => [name, code, dims, begin, end]);
  return createHash('sha256').update(JSON.stringify([texts, places]));
}

function checksumText(hex: string): string {
  return `sha256:${hex}`;
}

function withoutReserved(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => !RESERVED.includes(key)));
}

function checkFormat(path: string, metadata: Readonly<Record<string, string>>): FileFormat {
  const format = parseFormat(metadata.format);
  if (format === null || (format.major <= QUANTIZED_FILE_FORMAT.major && !CHECKSUM.test(metadata.checksum ?? ''))) {
    throw new OctavoError(
      'INVALID_FILE',
      `${path}: this safetensors file holds no quantized model (its metadata has no format and checksum of ours); ` +
        'quantize a model and save it first',
      { details: { path } },
    );
  }
  if (format.major > QUANTIZED_FILE_FORMAT.major) {
    throw new OctavoError(
      'INVALID_FILE',
      `${path}: the file has format ${format.major}.${format.minor}, this version reads ` +
        `${QUANTIZED_FILE_FORMAT.major}.x; update @octavo/core`,
      { details: { path, format } },
    );
  }
  return format;
}

function parseFormat(text: string | undefined): FileFormat | null {
  try {
    const { major, minor } = JSON.parse(text ?? 'null') as FileFormat;
    return Number.isSafeInteger(major) && Number.isSafeInteger(minor) && major >= 1 && minor >= 0
      ? { major, minor }
      : null;
  } catch {
    return null;
  }
}
