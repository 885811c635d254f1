import { OctavoError, Tensor } from '@octavo/core';

/** The inputs of a text classifier by Hugging Face's names, in the order of `forward`. */
export const INPUT_NAMES = ['input_ids', 'attention_mask', 'token_type_ids'] as const;

/** Inputs by name, as graphs take them. */
export function namedInputs(inputs: readonly Tensor[]): Record<string, Tensor> {
  return Object.fromEntries(INPUT_NAMES.map((name, i) => [name, inputs[i] as Tensor]));
}

/** One sentence of `length` zeros, to trace with: the graph that comes out serves any batch and length. */
export function exampleInputs(length: number): Record<string, Tensor> {
  const filled = (value: bigint): Tensor => new Tensor('int64', new BigInt64Array(length).fill(value), [1, length]);
  return { input_ids: filled(0n), attention_mask: filled(1n), token_type_ids: filled(0n) };
}

/** Refuses a saved graph that does not take a text classifier's inputs. */
export function checkInputNames(names: readonly string[], file: string): void {
  if (names.length === INPUT_NAMES.length && INPUT_NAMES.every((name) => names.includes(name))) return;
  throw new OctavoError(
    'UNSUPPORTED',
    `${file}: expected a graph with the inputs ${INPUT_NAMES.join(', ')}, got ${names.join(', ')}; \`octavo quantize\` ` +
      'writes such graphs from Hugging Face folders',
  );
}
