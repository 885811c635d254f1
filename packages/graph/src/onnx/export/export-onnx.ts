import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { OctavoError } from '@octavo/core';
import type { Graph } from '../../ir/graph.js';

/** Names of the dims that may differ from run to run: by input, then by axis. */
export type DynamicAxes = Readonly<Record<string, Readonly<Record<number, string>>>>;

export interface ExportOnnxOptions {
  /**
   * Dims with a name instead of a number, as `torch.onnx.export` has them: `{ ids: { 0: 'batch', 1: 'length' } }`. Left
   * out, the first dim of every input is `batch` and the second of token inputs (int64 of two dims) is `length`; a
   * graph whose code read dims has numbers only.
   */
  dynamicAxes?: DynamicAxes;
  /**
   * From how many bytes of weights on they go into a file beside the model, `<model>.data` (ONNX's external data): 1.9e9
   * where it is left out, as a model holds less than 2 GiB; 0 for always. The two files belong together.
   */
  externalDataFrom?: number;
}

/** Below protobuf's 2^31 - 1 bytes, with room for the nodes. */
const EXTERNAL_DATA_FROM = 1.9e9;

/**
 * Writes a graph as an ONNX model of opset 17 that ONNX Runtime and transformers.js open, whole or not at all: under a
 * temporary name, then renamed. Returns the size in bytes, with that of external data.
 *
 * Float graphs become ONNX's float operators. Static int8 ops become float operators between DequantizeLinear and
 * QuantizeLinear, with int8 weights (per channel) and int32 biases; dynamic linears become DynamicQuantizeLinear and
 * MatMulInteger. ONNX Runtime runs both in int8. Dynamic LSTMs become its DynamicQuantizeLSTM, whose ranges are those of
 * tensors; dynamic GRUs and RNNs, which it has no int8 operator for, the float ones over weights that stay int8. On CPUs
 * without VNNI its kernels add pairs of products in 16 bits: the presets' reduced range (7 bits) fits them; for a full
 * range open the model with `session.x64quantprecision` 1.
 *
 * UNSUPPORTED names an op without an ONNX form; INVALID_ARGUMENT an unknown input in `dynamicAxes`, or a prepared graph.
 */
export async function exportOnnx(graph: Graph, file: string, options: ExportOnnxOptions = {}): Promise<number> {
  const { externalDataFrom = EXTERNAL_DATA_FROM } = options;
  if (!(externalDataFrom >= 0)) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[exportOnnx] externalDataFrom must be 0 bytes or more, got ${externalDataFrom}`,
    );
  }
  // Loading what reads and writes protobuf takes longer than all the rest of this package.
  const { writtenModel } = await import('./written-model.js');
  const writer = writtenModel(graph, options);
  const pieces = writer.dataBytes >= externalDataFrom ? writer.moveData(`${basename(file)}.data`) : [];
  const model = writer.encode();
  const data = `${file}.data`;
  const files: readonly (readonly [path: string, pieces: readonly Uint8Array[]])[] =
    pieces.length > 0
      ? [
          [data, pieces],
          [file, [model]],
        ]
      : [[file, [model]]];
  await writeTogether(files);
  return files.reduce((sum, [, parts]) => parts.reduce((bytes, part) => bytes + part.length, sum), 0);
}

/** Writes files under temporary names, then renames them in order; where one cannot be written, none is. */
async function writeTogether(
  files: readonly (readonly [path: string, pieces: readonly Uint8Array[]])[],
): Promise<void> {
  const suffix = `.${randomBytes(6).toString('hex')}.tmp`;
  try {
    for (const [path, pieces] of files) await writeFile(`${path}${suffix}`, pieces, { flag: 'wx' });
    for (const [path] of files) await rename(`${path}${suffix}`, path);
  } catch (cause) {
    for (const [path] of files) await rm(`${path}${suffix}`, { force: true });
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const why = missing
      ? 'its folder does not exist; create it first'
      : `it cannot be written (${(cause as Error).message})`;
    throw new OctavoError(missing ? 'FILE_NOT_FOUND' : 'INVALID_FILE', `${files.at(-1)?.[0]}: ${why}`, { cause });
  }
}
