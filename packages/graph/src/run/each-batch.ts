import { isOctavoError, OctavoError, type RunOptions } from '@octavo/core';
import type { Feeds } from './check-feeds.js';

/** Feeds by input name, batch after batch, as an array, a generator, or an async one. */
export type Batches = Iterable<Feeds> | AsyncIterable<Feeds>;

export interface BatchOptions {
  /** Stops between two instructions; the promise rejects with an ABORTED error. What was seen until then stays seen. */
  signal?: AbortSignal;
  /** Called after every batch with the number of batches done. */
  onProgress?: (batches: number) => void;
}

/** Calls `visit` with every batch in turn. Errors name the verb and the batch; no batch at all is an error. */
export async function eachBatch(
  verb: string,
  batches: Batches,
  { signal, onProgress }: BatchOptions,
  visit: (feeds: Feeds, options: RunOptions) => Promise<void>,
): Promise<void> {
  let done = 0;
  for await (const feeds of checkBatches(verb, batches)) {
    try {
      await visit(feeds, signal === undefined ? {} : { signal });
    } catch (error) {
      if (!isOctavoError(error) || error.code === 'ABORTED') throw error;
      throw new OctavoError(error.code, `[${verb}] batch ${done}: ${error.message}`, {
        cause: error,
        details: { ...error.details, batch: done },
      });
    }
    done++;
    onProgress?.(done);
  }
  if (done === 0) throw new OctavoError('INVALID_ARGUMENT', `[${verb}] expected at least one batch, got none`);
}

/** The batches, or an error where they are nothing to iterate over. */
export function checkBatches(verb: string, batches: Batches): Batches {
  if (
    typeof batches !== 'object' ||
    batches === null ||
    !(Symbol.iterator in batches || Symbol.asyncIterator in batches)
  ) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[${verb}] expected an iterable of feeds, such as [{ input: tensor }, ...] or an async generator of them`,
    );
  }
  return batches;
}
