import type { Tensor } from '@octavo/core';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';

/** A model in ONNX Runtime. */
export interface OrtModel {
  /** Runs on tensors that `feeds` made; resolves to the first output. */
  run(feeds: Feeds): Promise<Float32Array>;
  /** Frees the model's memory. */
  close(): Promise<void>;
}

/** Inputs by name, as ONNX Runtime takes them. */
export type Feeds = Readonly<Record<string, OrtTensor>>;

/** Our tensors for ONNX Runtime; the data is shared. */
export function feeds(tensors: Readonly<Record<string, Tensor>>): Feeds {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { type, raw }]) => [
      name,
      new OrtTensor(type as 'float32', raw.data as Float32Array, raw.dims),
    ]),
  );
}

/** Tokens of one sentence, by input. */
export function tokenFeeds(tokens: Readonly<Record<string, BigInt64Array>>): Feeds {
  return Object.fromEntries(
    Object.entries(tokens).map(([name, data]) => [name, new OrtTensor('int64', data, [1, data.length])]),
  );
}

/** Opens an ONNX file with all graph optimizations on `threads` threads of the CPU. */
export async function openModel(file: Uint8Array, threads = 1): Promise<OrtModel> {
  const session = await InferenceSession.create(file, {
    executionProviders: ['cpu'],
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const [output] = session.outputNames as [string];
  return {
    async run(inputs) {
      const results = await session.run(inputs);
      return results[output]?.data as Float32Array;
    },
    close: () => session.release(),
  };
}
