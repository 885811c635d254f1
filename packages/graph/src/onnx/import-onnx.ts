import { isOctavoError, OctavoError } from '@octavo/core';
import { GraphBuilder } from '../import/graph-builder.js';
import { Graph } from '../ir/graph.js';
import { verify } from '../ir/verify.js';
import { importPasses } from '../passes/index.js';
import { runPasses } from '../passes/pass.js';

export interface ImportOnnxOptions {
  /** The folder of external data, for a model that is given as bytes. */
  folder?: string;
}

/** Constants of up to so many bytes are computed while importing: shapes and masks, not weights. */
const FOLDED_BYTES = 1 << 16;

/**
 * A float or quantized ONNX model as a graph: operator sets 11 to 24, external data beside the file, dynamic axes.
 *
 * `file` is a path or the file's bytes. The graph runs, quantizes, prints and saves as a traced one; module paths come
 * from the names of nodes and weights. Where a shape is computed from dims in a way that has no fixed form, the node
 * stays as `onnx::...` and is resolved when a run says the dims.
 *
 * INVALID_FILE: the file is truncated, altered or inconsistent, or its external data leads out of its folder;
 * FILE_NOT_FOUND: it or its external data is missing; UNSUPPORTED: an operator set, operator or type that is not
 * imported. Messages name file and node.
 */
export async function importOnnx(file: string | Uint8Array, { folder }: ImportOnnxOptions = {}): Promise<Graph> {
  if (typeof file !== 'string' && !(file instanceof Uint8Array)) {
    throw new OctavoError('INVALID_ARGUMENT', '[importOnnx] expected the path of an ONNX model, or its bytes');
  }
  // Loading what reads protobuf takes longer than all the rest of this package.
  const [{ readModel }, { GraphImporter }] = await Promise.all([
    import('./read-model.js'),
    import('./graph-importer.js'),
  ]);
  const opened = await readModel(file, folder);
  const { model, external, source } = opened;
  const graph = new Graph(model.graph?.name || 'Model');
  graph.modules.set('', 'Module');
  try {
    const builder = new GraphBuilder(graph, { foldedBytes: FOLDED_BYTES, tolerant: false });
    new GraphImporter(opened, builder).run();
    if (graph.inputs.some(({ type }) => type.kind === 'tensor' && type.dims !== null)) {
      graph.fixedBy = 'the dims that the ONNX model declares';
    }
    return verify(
      runPasses(
        graph,
        importPasses((value) => builder.dims(value)),
      ),
    );
  } catch (error) {
    throw asFileError(error, source);
  } finally {
    external.close();
  }
}

/** Whatever a damaged file makes happen is an error of the file. */
function asFileError(error: unknown, source: string): unknown {
  if (isOctavoError(error)) {
    if (error.message.startsWith(source)) return error;
    return new OctavoError('INVALID_FILE', `${source}: the model is inconsistent: ${error.message}`, { cause: error });
  }
  if (error instanceof RangeError || error instanceof TypeError || error instanceof SyntaxError) {
    return new OctavoError('INVALID_FILE', `${source}: the model is inconsistent (${error.message})`, { cause: error });
  }
  return error;
}
