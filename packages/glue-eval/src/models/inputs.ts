import { OctavoError, Tensor } from '@octavo/core';
import type { Graph } from '@octavo/graph';

/** The inputs of a text classifier by Hugging Face's names, in the order of `forward`. */
export const INPUT_NAMES = ['input_ids', 'attention_mask', 'token_type_ids'] as const;

/** An example's inputs by their names, as far as a graph takes them: one without token types is given none. */
export function namedInputs(
  inputs: readonly Tensor[],
  names: readonly string[],
  taken: readonly string[] = names,
): Record<string, Tensor> {
  return Object.fromEntries(names.flatMap((name, i) => (taken.includes(name) ? [[name, inputs[i] as Tensor]] : [])));
}

/** One sentence of `length` zeros, to trace with: the graph that comes out serves any batch and length. */
export function exampleInputs(length: number): Record<string, Tensor> {
  const filled = (value: bigint): Tensor => new Tensor('int64', new BigInt64Array(length).fill(value), [1, length]);
  return { input_ids: filled(0n), attention_mask: filled(1n), token_type_ids: filled(0n) };
}

/** Refuses a graph that does not take a text classifier's inputs; those but the token ids may be missing. */
export function checkInputs({ inputs }: Graph, file: string): void {
  const names = inputs.map(({ hint }) => hint);
  const isKnown = names.every((name) => (INPUT_NAMES as readonly string[]).includes(name));
  if (!isKnown || !names.includes('input_ids')) {
    throw new OctavoError(
      'UNSUPPORTED',
      `${file}: expected a graph with the inputs ${INPUT_NAMES.join(', ')} (the last two may be missing), got ` +
        `${names.join(', ') || 'none'}; rename them as Hugging Face does, or export the text classifier again`,
    );
  }
  for (const { hint, type } of inputs) {
    if (type.kind === 'tensor' && type.dtype === 'int64') continue;
    throw new OctavoError(
      'UNSUPPORTED',
      `${file}: expected input '${hint}' to be int64, got ${type.kind === 'tensor' ? type.dtype : 'packed weights'}; export the ` +
        'model with int64 inputs',
    );
  }
}

/** The output with the scores of the classes: the one called `logits`, or the only one. */
export function logitsName({ outputNames }: Graph, file: string): string {
  const name = outputNames.includes(LOGITS) ? LOGITS : outputNames.length === 1 ? outputNames[0] : undefined;
  if (name !== undefined) return name;
  throw new OctavoError(
    'UNSUPPORTED',
    `${file}: expected an output '${LOGITS}', got ${outputNames.join(', ') || 'none'}; export the model as a sequence classifier`,
  );
}

const LOGITS = 'logits';
