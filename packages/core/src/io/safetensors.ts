import { OctavoError } from '../errors.js';
import { DTYPES, type DType, type TypedArray } from '../tensor/dtype.js';
import { type Dims, formatDims, sizeOf } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { duplicateKey } from './json-keys.js';

// The safetensors format (github.com/huggingface/safetensors, "Format"): 8 bytes little-endian header length, a JSON
// header, then the tensors' bytes, which fill the rest of the file without a hole.

export interface SafetensorsContent {
  readonly tensors: Record<string, Tensor>;
  /** The header's `__metadata__`: strings by name. */
  readonly metadata: Record<string, string>;
}

/** Where a tensor lies in the data section. */
export interface SafetensorsEntry {
  readonly name: string;
  /** The file's name of the element type: `F32`. */
  readonly code: string;
  readonly dims: Dims;
  /** Bytes from the start of the data section. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of their data. */
  readonly entries: readonly SafetensorsEntry[];
  readonly metadata: Record<string, string>;
}

const METADATA = '__metadata__';
/** The reference implementation's limit; a longer header is damage or an attack. */
const MAX_HEADER_BYTES = 100_000_000;
/** Data starts here, so that a reader of the whole file finds vectors on cache lines. */
const ALIGNMENT = 64;

/** Element types that can be read. BF16 has no dtype here and is widened to float32, which is exact. */
const READABLE: Record<string, { dtype: DType; bytes: number }> = {
  F32: { dtype: 'float32', bytes: 4 },
  F16: { dtype: 'float16', bytes: 2 },
  BF16: { dtype: 'float32', bytes: 2 },
  I64: { dtype: 'int64', bytes: 8 },
  I32: { dtype: 'int32', bytes: 4 },
  I8: { dtype: 'int8', bytes: 1 },
  U8: { dtype: 'uint8', bytes: 1 },
  BOOL: { dtype: 'bool', bytes: 1 },
};

const WRITTEN: Record<DType, string> = {
  float32: 'F32',
  float16: 'F16',
  int64: 'I64',
  int32: 'I32',
  int8: 'I8',
  uint8: 'U8',
  bool: 'BOOL',
};

function invalid(
  source: string,
  fault: string,
  remedy = 'the file is damaged; copy or download it again',
): OctavoError {
  return new OctavoError('INVALID_FILE', `${source}: ${fault}; ${remedy}`, { details: { source } });
}

/** The header's length from the first 8 bytes of a file of `fileBytes`. */
export function headerLength(start: Uint8Array, fileBytes: number, source: string): number {
  if (start.length < 8) throw invalid(source, `expected a safetensors file, got ${fileBytes} bytes`);
  const length = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw invalid(
      source,
      `expected a safetensors file, but its first 8 bytes ask for a header of ${length} bytes (limit ${MAX_HEADER_BYTES})`,
      'it is of another format or damaged',
    );
  }
  if (Number(length) > fileBytes - 8) {
    throw invalid(source, `the file is truncated: its header has ${length} bytes, the file ${fileBytes}`);
  }
  return Number(length);
}

/**
 * Checks a header against the bytes that follow it. Refuses broken JSON, doubled keys, element types that cannot be
 * read, shapes that disagree with their bytes, overlaps, holes, and a data section that is shorter or longer.
 */
export function parseHeader(bytes: Uint8Array, dataBytes: number, source: string): SafetensorsHeader {
  const fields = parseJson(bytes, source);
  const metadata = Object.create(null) as Record<string, string>;
  const entries: SafetensorsEntry[] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (name === METADATA) readMetadata(value, metadata, source);
    else entries.push(readEntry(name, value, source));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { name, begin, end } of entries) {
    if (begin < at)
      throw invalid(
        source,
        `tensor '${name}' overlaps the one before it (starts at byte ${begin}, that ends at ${at})`,
      );
    if (begin > at) throw invalid(source, `bytes ${at} to ${begin} before tensor '${name}' belong to no tensor`);
    at = end;
  }
  if (at > dataBytes) {
    throw invalid(source, `the file is truncated: its tensors take ${at} bytes, ${dataBytes} are there`);
  }
  if (at < dataBytes) throw invalid(source, `${dataBytes - at} bytes after the last tensor belong to no tensor`);
  return { entries, metadata: { ...metadata } };
}

function parseJson(bytes: Uint8Array, source: string): Record<string, unknown> {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OctavoError('INVALID_FILE', `${source}: the header is no JSON (${why}); is this a safetensors file?`, {
      cause,
    });
  }
  if (!isRecord(value)) throw invalid(source, 'the header is no JSON object');
  const doubled = duplicateKey(text);
  if (doubled !== undefined) throw invalid(source, `the header has the key '${doubled}' twice`);
  return value;
}

function readMetadata(value: unknown, into: Record<string, string>, source: string): void {
  if (!isRecord(value)) throw invalid(source, `${METADATA} is no object of strings`);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw invalid(source, `${METADATA}.${key} is no string`);
    into[key] = text;
  }
}

function readEntry(name: string, value: unknown, source: string): SafetensorsEntry {
  if (name === '__proto__') throw invalid(source, `a tensor may not be called '${name}'`);
  const { dtype: code, shape: dims, data_offsets: offsets } = isRecord(value) ? value : {};
  if (typeof code !== 'string' || !isCounts(dims) || !isCounts(offsets) || offsets.length !== 2) {
    throw invalid(source, `tensor '${name}' lacks a dtype, a shape or two data_offsets`);
  }
  if (!Object.hasOwn(READABLE, code)) {
    throw new OctavoError(
      'INVALID_FILE',
      `${source}: tensor '${name}' is ${code}; expected one of ${Object.keys(READABLE).join(', ')}. ` +
        'Convert it before saving (F64 to F32, for one)',
      { details: { source, tensor: name, dtype: code } },
    );
  }
  const [begin, end] = offsets as [number, number];
  const bytes = sizeOf(dims) * (READABLE[code] as { bytes: number }).bytes;
  if (end - begin !== bytes) {
    throw invalid(
      source,
      `tensor '${name}' ${code} ${formatDims(dims)} needs ${bytes} bytes, its offsets give ${end - begin}`,
    );
  }
  return { name, code, dims, begin, end };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

/** Tensors of so many bytes, where nobody else has them, are private: see `PrivateMemory`. */
export const PRIVATE_BYTES = 2 ** 16;

/**
 * The tensor of an entry: a view of its bytes where they are aligned for its elements. `owned`: nobody else has these
 * bytes or their buffer.
 */
export function tensorOfEntry({ code, dims }: SafetensorsEntry, bytes: Uint8Array, owned = false): Tensor {
  const { dtype, bytes: width } = READABLE[code] as { dtype: DType; bytes: number };
  const { buffer, byteOffset } = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
  const count = bytes.length / width;
  if (code === 'BF16') return new Tensor('float32', widenBfloat16(new Uint16Array(buffer, byteOffset, count)), dims);
  const Elements = DTYPES[dtype].array as new (buffer: ArrayBufferLike, offset: number, count: number) => TypedArray;
  const elements = new Elements(buffer, byteOffset, count);
  return owned && bytes.length >= PRIVATE_BYTES
    ? Tensor.privately(dtype, elements, dims)
    : new Tensor(dtype, elements, dims);
}

/** bfloat16 is float32's upper half. */
function widenBfloat16(bits: Uint16Array): Float32Array {
  const wide = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) wide[i] = (bits[i] as number) << 16;
  return new Float32Array(wide.buffer);
}

/**
 * The tensors of a safetensors file that is in memory; tensors whose bytes are aligned share them, the rest are copied.
 * `source` names the file in messages. Anything wrong is one INVALID_FILE error.
 */
export function decodeSafetensors(bytes: Uint8Array, source = 'safetensors'): SafetensorsContent {
  const data = 8 + headerLength(bytes.subarray(0, 8), bytes.length, source);
  const { entries, metadata } = parseHeader(bytes.subarray(8, data), bytes.length - data, source);
  const tensors: Record<string, Tensor> = {};
  for (const entry of entries) {
    tensors[entry.name] = tensorOfEntry(entry, bytes.subarray(data + entry.begin, data + entry.end));
  }
  return { tensors, metadata };
}

/** What a file will hold, in order: its first bytes (length and header), then each tensor's. */
export interface SafetensorsLayout {
  readonly head: Uint8Array;
  readonly entries: readonly SafetensorsEntry[];
  readonly dataBytes: number;
}

/**
 * Plans a file. The header is padded so that the data starts on a multiple of 64 bytes. The format allows no holes, so
 * tensors go by size: those of a multiple of 64 bytes first (all on multiples of 64), then by width of element, so
 * that each is aligned for its own type.
 */
export function planSafetensors(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): SafetensorsLayout {
  const { entries, dataBytes } = planEntries(tensors);
  const fields: Record<string, unknown> = Object.keys(metadata).length > 0 ? { [METADATA]: metadata } : {};
  for (const { name, code, dims, begin, end } of entries) {
    fields[name] = { dtype: code, shape: dims, data_offsets: [begin, end] };
  }
  const json = new TextEncoder().encode(JSON.stringify(fields));
  if (json.length > MAX_HEADER_BYTES - ALIGNMENT) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `a safetensors header has at most ${MAX_HEADER_BYTES} bytes, got ${json.length}`,
    );
  }
  const head = new Uint8Array(Math.ceil((8 + json.length) / ALIGNMENT) * ALIGNMENT).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(head.length - 8), true);
  head.set(json, 8);
  return { head, entries, dataBytes };
}

/** Where each tensor goes in the data section. */
export function planEntries(tensors: Readonly<Record<string, Tensor>>): {
  entries: SafetensorsEntry[];
  dataBytes: number;
} {
  const ordered = Object.entries(tensors)
    .map(([name, { type, raw }]) => {
      if (name === METADATA || name === '__proto__') {
        throw new OctavoError('INVALID_ARGUMENT', `a tensor of a safetensors file may not be called '${name}'`);
      }
      const bytes = sizeOf(raw.dims) * DTYPES[type].bytes;
      const alignment = bytes % ALIGNMENT === 0 ? ALIGNMENT : DTYPES[type].bytes;
      return { name, code: WRITTEN[type], dims: raw.dims, bytes, alignment };
    })
    .sort((a, b) => b.alignment - a.alignment);
  let at = 0;
  const entries = ordered.map(({ name, code, dims, bytes }) => {
    const begin = at;
    at += bytes;
    return { name, code, dims, begin, end: at };
  });
  return { entries, dataBytes: at };
}

/** The bytes of a tensor's data, not copied: only to be read, and not to be kept. */
export function bytesOf({ raw }: Tensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = raw.peek;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** A safetensors file in memory. Metadata values are strings; names other readers know must be unique. */
export function encodeSafetensors(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const { head, entries, dataBytes } = planSafetensors(tensors, metadata);
  const out = new Uint8Array(head.length + dataBytes);
  out.set(head);
  for (const { name, begin } of entries) out.set(bytesOf(tensors[name] as Tensor), head.length + begin);
  return out;
}
