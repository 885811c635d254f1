import { isOctavoError, OctavoError, type Tensor } from '@octavo/core';
import type { Observer } from '@octavo/observers';
import type { Graph } from '../ir/graph.js';
import { OBSERVE, observerName } from '../ir/observer-spec.js';
import type { Value } from '../ir/value.js';
import { removeDeadCode } from '../passes/remove-dead-code.js';
import type { Feeds } from '../run/graph-runner.js';
import { checkStage } from './stage.js';

export interface CalibrateOptions {
  /** Stops between two instructions; the promise rejects with an ABORTED error. What was seen until then stays seen. */
  signal?: AbortSignal;
  /** Called after every batch with the number of batches done. */
  onProgress?: (batches: number) => void;
}

/**
 * Shows a prepared graph data: runs it on every batch of feeds, one at a time, and gives each observed value to its
 * observer. The graph that was given is the one whose observers learn; it is also what the promise gives. Memory
 * holds one batch's observed values. Calling it again adds to what was seen.
 *
 * `batches`: feeds by input name, as `graph.run` takes them, in any iterable or async iterable.
 */
export async function calibrate(
  prepared: Graph,
  batches: Iterable<Feeds> | AsyncIterable<Feeds>,
  { signal, onProgress }: CalibrateOptions = {},
): Promise<Graph> {
  checkStage('calibrate', prepared, 'prepared');
  if (
    typeof batches !== 'object' ||
    batches === null ||
    !(Symbol.iterator in batches || Symbol.asyncIterator in batches)
  ) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      '[calibrate] expected an iterable of feeds, such as [{ input: tensor }, ...] or an async generator of them',
    );
  }
  const { probe, observers } = probeOf(prepared);
  let done = 0;
  try {
    for await (const feeds of batches) {
      const values = await runBatch(probe, feeds, done, signal);
      for (const [name, observer] of observers) observer.observe(values[name] as Tensor);
      done++;
      onProgress?.(done);
    }
  } finally {
    probe.dispose();
  }
  if (done === 0) throw new OctavoError('INVALID_ARGUMENT', '[calibrate] expected at least one batch, got none');
  return prepared;
}

async function runBatch(probe: Graph, feeds: Feeds, index: number, signal: AbortSignal | undefined) {
  try {
    return await probe.runAsync(feeds, signal && { signal });
  } catch (error) {
    if (!isOctavoError(error) || error.code === 'ABORTED') throw error;
    throw new OctavoError(error.code, `[calibrate] batch ${index}: ${error.message}`, {
      cause: error,
      details: { ...error.details, batch: index },
    });
  }
}

/** A graph of the same inputs whose outputs are the observed values, and their observers by output name. */
function probeOf(prepared: Graph): { probe: Graph; observers: Map<string, Observer> } {
  const probe = prepared.clone();
  const observers = new Map<string, Observer>();
  const observed: [string, Value][] = [];
  for (const node of probe.nodes()) {
    if (node.op !== OBSERVE) continue;
    const name = observerName(node);
    const observer = prepared.observers.get(name)?.observer;
    if (observer === undefined) continue;
    observers.set(name, observer);
    observed.push([name, node.input(0)]);
  }
  if (observed.length === 0) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      '[calibrate] this graph observes nothing: prepareDynamic needs no calibration, and prepare found no op to quantize; ' +
        'convert it at once, or look at coverage(graph)',
    );
  }
  probe.setOutputs(observed);
  return { probe: removeDeadCode(probe), observers };
}
