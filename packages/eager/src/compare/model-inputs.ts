import { isOctavoError, OctavoError, Tensor } from '@octavo/core';

/** What a model is called with: its arguments, or its one tensor. */
export type ModelInputs = Tensor | readonly unknown[];

/** Inputs batch after batch, as an array, a generator, or an async one. */
export type ModelBatches = Iterable<ModelInputs> | AsyncIterable<ModelInputs>;

/** Calls `visit` with the arguments of every batch in turn; errors name the verb and the batch. */
export async function eachInputs(
  verb: string,
  batches: ModelBatches,
  visit: (inputs: readonly unknown[]) => void,
): Promise<void> {
  if (Tensor.is(batches) || typeof batches !== 'object' || batches === null) {
    throw new OctavoError('INVALID_ARGUMENT', `[${verb}] expected a list of inputs, such as [x] or [[x, state]]`);
  }
  let done = 0;
  for await (const inputs of batches) {
    try {
      visit(Tensor.is(inputs) ? [inputs] : inputs);
    } catch (error) {
      if (!isOctavoError(error)) throw error;
      throw new OctavoError(error.code, `[${verb}] batch ${done}: ${error.message}`, { cause: error });
    }
    done++;
  }
  if (done === 0) throw new OctavoError('INVALID_ARGUMENT', `[${verb}] expected at least one batch, got none`);
}
