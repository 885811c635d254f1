import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { Tensor } from '@octavo/core';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { ModelProtoSchema } from '../../src/onnx/gen/onnx_pb.js';

/** Runs a model in ONNX Runtime with all its optimisations, on tensors by name, and gives its outputs by name. */
export async function runInOrt(
  file: Uint8Array | string,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Tensor>> {
  const session = await (typeof file === 'string'
    ? InferenceSession.create(file, OPTIONS)
    : InferenceSession.create(file, OPTIONS));
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, { type, raw }]) => [
      name,
      new OrtTensor(type as 'float32', raw.data as Float32Array, raw.dims),
    ]),
  );
  const outputs = await session.run(inputs);
  await session.release();
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { type, data, dims }]) => [
      name,
      new Tensor(type as 'float32', data as Float32Array, [...dims]),
    ]),
  );
}

/** The operators that ONNX Runtime's optimiser makes of a model; it writes them to a file in `folder`. */
export async function optimizedOps(file: Uint8Array, folder: string): Promise<string[]> {
  const optimizedModelFilePath = join(folder, 'optimized.onnx');
  await (await InferenceSession.create(file, { ...OPTIONS, optimizedModelFilePath })).release();
  const { graph } = fromBinary(ModelProtoSchema, readFileSync(optimizedModelFilePath));
  rmSync(optimizedModelFilePath);
  return (graph?.node ?? []).map(({ opType }) => opType);
}

/** `x64quantprecision`: without VNNI, products of uint8 and int8 would saturate in 16 bits. */
const OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  graphOptimizationLevel: 'all',
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  logSeverityLevel: 3,
  extra: { session: { x64quantprecision: '1' } },
};
