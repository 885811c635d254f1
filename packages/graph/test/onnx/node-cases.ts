import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { isOctavoError, type Tensor } from '@octavo/core';
import { importOnnx } from '../../src/index.js';
import { ExternalData } from '../../src/onnx/external-data.js';
import { type ModelProto, ModelProtoSchema, TensorProtoSchema } from '../../src/onnx/gen/onnx_pb.js';
import { tensorOf } from '../../src/onnx/tensors.js';

/** What became of one of the ONNX project's backend node tests. */
export interface NodeCase {
  readonly name: string;
  /** The operator it is about: the only node's, or the name's. */
  readonly operator: string;
  readonly verdict: 'passed' | 'failed' | 'not supported';
  /** Empty where it passed. */
  readonly reason: string;
}

export function nodeCaseNames(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'model.onnx')))
    .sort();
}

/** Imports and runs one case; what cannot be expressed in core's dtypes is not supported, all else has to pass. */
export async function runNodeCase(folder: string, name: string): Promise<NodeCase> {
  const path = join(folder, name);
  const model = fromBinary(ModelProtoSchema, readFileSync(join(path, 'model.onnx')));
  const operator = operatorOf(model, name);
  const result = (verdict: NodeCase['verdict'], reason = ''): NodeCase => ({ name, operator, verdict, reason });
  try {
    const obstacle = foreignTypes(model);
    if (obstacle !== null) return result('not supported', obstacle);
    const graph = await importOnnx(inSupportedOpset(model));
    const { rtol, atol } = JSON.parse(readFileSync(join(path, 'tolerance.json'), 'utf8'));
    const sets = readdirSync(path).filter((entry) => entry.startsWith('test_data_set_'));
    for (const set of sets) {
      const inputs = readTensors(join(path, set), 'input');
      const expected = readTensors(join(path, set), 'output');
      const names = model.graph?.input.map((input) => input.name) ?? [];
      const feeds = Object.fromEntries(names.map((input, i) => [input, inputs[i] as Tensor]));
      const outputs = graph.run(feeds);
      for (const [i, output] of (model.graph?.output ?? []).entries()) {
        const why = difference(outputs[output.name] as Tensor, expected[i] as Tensor, rtol, atol);
        if (why !== null) return result('failed', `output ${output.name}: ${why}`);
      }
    }
    return result('passed');
  } catch (error) {
    if (isOctavoError(error) && error.code === 'INVALID_DTYPE' && error.message.includes('float16')) {
      return result('not supported', 'arithmetic in float16');
    }
    if (isOctavoError(error) && error.code === 'UNSUPPORTED')
      return result('not supported', plain(error.message, path));
    return result('failed', error instanceof Error ? plain(error.message, path) : String(error));
  }
}

/**
 * The model's bytes. A case names the version in which its operator last changed; older ones mean the same in 11, and
 * what came after 24 is further types.
 */
function inSupportedOpset(model: ModelProto): Uint8Array {
  for (const opset of model.opsetImport) {
    if (opset.domain !== '') continue;
    opset.version = opset.version < 11n ? 11n : opset.version > 24n ? 24n : opset.version;
  }
  return toBinary(ModelProtoSchema, model);
}

/** The operator a case is about; expanded forms of one are told by their names alone. */
function operatorOf({ graph }: ModelProto, name: string): string {
  const types = [...new Set(graph?.node.map(({ opType }) => opType) ?? [])];
  return types.length === 1 ? (types[0] as string) : name.replace(/^test_/, '').replace(/_.*$/, '');
}

const TYPE_NAMES: Readonly<Record<number, string>> = {
  4: 'uint16',
  5: 'int16',
  8: 'strings',
  11: 'float64',
  12: 'uint32',
  13: 'uint64',
  14: 'complex64',
  15: 'complex128',
  16: 'bfloat16',
};

/** Inputs or outputs that are no tensors, or of types that core has no arithmetic for. */
function foreignTypes({ graph }: ModelProto): string | null {
  for (const { type } of [...(graph?.input ?? []), ...(graph?.output ?? [])]) {
    if (type?.value.case !== 'tensorType') return `${type?.value.case?.replace('Type', '') ?? 'unknown'} values`;
    const { elemType } = type.value.value;
    if (Object.hasOwn(TYPE_NAMES, elemType)) return `${TYPE_NAMES[elemType]} values`;
    if (elemType > 16) return '8-bit or smaller float, or sub-byte integer values';
  }
  return null;
}

function readTensors(folder: string, kind: string): Tensor[] {
  const files = readdirSync(folder).filter((file) => file.startsWith(kind));
  return files
    .sort((a, b) => Number(/\d+/.exec(a)) - Number(/\d+/.exec(b)))
    .map((file) => {
      const path = join(folder, file);
      return tensorOf(fromBinary(TensorProtoSchema, readFileSync(path)), new ExternalData(path, null, null), path);
    });
}

/** Why two tensors differ, or null: as NumPy's assert_allclose, and exactly for integers. */
function difference(got: Tensor | undefined, want: Tensor, rtol: number, atol: number): string | null {
  if (got === undefined) return 'missing';
  if (got.type !== want.type) return `${got.type} instead of ${want.type}`;
  if (got.dims.join() !== want.dims.join()) return `dims [${got.dims.join(', ')}] instead of [${want.dims.join(', ')}]`;
  for (let i = 0; i < want.size; i++) {
    const [a, b] = [Number(got.data[i]), Number(want.data[i])];
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    const allowed = want.type === 'float32' ? atol + rtol * Math.abs(b) : 0;
    if (!(Math.abs(a - b) <= allowed)) return `element ${i} is ${a} instead of ${b}`;
  }
  return null;
}

function plain(message: string, path: string): string {
  return message.replaceAll('model: ', '').replaceAll(path, '').slice(0, 200);
}
