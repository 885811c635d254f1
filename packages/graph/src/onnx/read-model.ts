import { realpathSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { OctavoError } from '@octavo/core';
import { ExternalData } from './external-data.js';
import { type ModelProto, ModelProtoSchema } from './gen/onnx_pb.js';

/** The largest message that protobuf can hold. */
const MAX_BYTES = 2 ** 31;

export interface OnnxFile {
  readonly model: ModelProto;
  readonly external: ExternalData;
  /** The file's path, or `model`, for messages. */
  readonly source: string;
}

/** Decodes a model; what is no ONNX model is an INVALID_FILE error. */
export async function readModel(file: string | Uint8Array, folder: string | undefined): Promise<OnnxFile> {
  const source = typeof file === 'string' ? file : 'model';
  const bytes = typeof file === 'string' ? await readBytes(file) : file;
  const model = decode(bytes, source);
  const external = new ExternalData(
    source,
    folder ?? (typeof file === 'string' ? dirname(file) : null),
    typeof file === 'string' ? realpathSync(file) : null,
  );
  return { model, external, source };
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size >= MAX_BYTES) {
      throw new OctavoError(
        'INVALID_FILE',
        `${path}: ${size} bytes; a model above 2 GiB keeps its tensors in external data`,
      );
    }
    return await readFile(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new OctavoError('FILE_NOT_FOUND', `${path}: there is no such file; expected an ONNX model`, { cause });
    }
    if (code === undefined) throw cause;
    throw new OctavoError('INVALID_FILE', `${path}: it cannot be read (${(cause as Error).message})`, { cause });
  }
}

function decode(bytes: Uint8Array, source: string): ModelProto {
  try {
    const model = fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false });
    if (model.graph !== undefined && model.opsetImport.length > 0) return model;
  } catch (cause) {
    throw new OctavoError('INVALID_FILE', `${source}: this is no whole ONNX model (${(cause as Error).message})`, {
      cause,
    });
  }
  throw new OctavoError('INVALID_FILE', `${source}: this is no ONNX model: it has no graph, or names no operator set`);
}
