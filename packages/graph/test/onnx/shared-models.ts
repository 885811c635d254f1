import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Tensor } from '@octavo/core';
import { readSafetensors } from '@octavo/core/node';

process.env.OCTAVO_BACKEND ??= 'reference';

/** The folder of fixtures made with other tools, or null where this checkout has none. */
export const SHARED_MODELS: string | null =
  ['../../../../shared/models/', '../../../../../shared/models/']
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((path) => existsSync(`${path}onnx`)) ?? null;

export interface StoredCase {
  readonly inputs: Record<string, Tensor>;
  readonly outputs: Record<string, Tensor>;
}

/** The inputs and outputs that lie beside an ONNX fixture. */
export async function storedCases(name: string): Promise<StoredCase[]> {
  const json = JSON.parse(readFileSync(`${SHARED_MODELS}onnx/${name}.json`, 'utf8'));
  const { tensors } = await readSafetensors(`${SHARED_MODELS}onnx/${name}.safetensors`);
  const pick = (entries: Record<string, { tensor: string }>): Record<string, Tensor> =>
    Object.fromEntries(Object.entries(entries).map(([key, { tensor }]) => [key, tensors[tensor] as Tensor]));
  return json.cases.map(({ inputs, outputs }: never) => ({ inputs: pick(inputs), outputs: pick(outputs) }));
}

export function largestDifference(a: Tensor | undefined, b: Tensor | undefined): number {
  const [x, y] = [a?.raw.data as Float32Array, b?.raw.data as Float32Array];
  if (a?.raw.dims.join() !== b?.raw.dims.join()) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < x.length; i++) most = Math.max(most, Math.abs(Number(x[i]) - Number(y[i])));
  return most;
}

/**
 * How far a result may lie from ONNX Runtime's: as far as its own optimiser moves it, and the rounding of float sums in
 * another order, 2^-17 of the largest output. In files that quantize at run time a code may flip where a value lies at a
 * tie to the last bits of tanh and sigmoid, which is worth a part of what int8 costs at all.
 */
export function storedTolerance(name: string, index: number, expected: Tensor): number {
  const json = JSON.parse(readFileSync(`${SHARED_MODELS}onnx/${name}.json`, 'utf8'));
  const stored = json.cases[index];
  const largest = (expected.raw.data as Float32Array).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const flips = name.includes('dynamic') ? stored.max_abs_diff_to_float_model / 4 : 0;
  return stored.max_abs_diff_without_graph_optimisation + largest * 2 ** -17 + flips;
}
