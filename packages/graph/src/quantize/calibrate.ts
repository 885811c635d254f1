import { OctavoError, type Tensor } from '@octavo/core';
import type { Observer } from '@octavo/observers';
import type { Graph } from '../ir/graph.js';
import { fakeQuantizeOf, OBSERVE, observerName } from '../ir/observer-spec.js';
import type { Value } from '../ir/value.js';
import { removeDeadCode } from '../passes/remove-dead-code.js';
import { walk } from '../qat/walk.js';
import { type Batches, type BatchOptions, eachBatch } from '../run/each-batch.js';
import { checkStage } from './stage.js';

/**
 * Shows a prepared graph data: runs it on every batch of feeds, one at a time, and gives each observed value to its
 * observer. The graph that was given is the one whose observers learn; it is also what the promise gives. Memory
 * holds one batch's observed values. Calling it again adds to what was seen. Of a graph from `prepareQat` the fake
 * quantizers learn, each from values that those before it have rounded, as in training.
 *
 * `batches`: feeds by input name, as `graph.run` takes them, in any iterable or async iterable.
 */
export async function calibrate(prepared: Graph, batches: Batches, options: BatchOptions = {}): Promise<Graph> {
  checkStage('calibrate', prepared, 'prepared');
  if ([...prepared.nodes()].some((node) => fakeQuantizeOf(node) !== undefined)) {
    await eachBatch('calibrate', batches, options, async (feeds, run) => {
      walk('calibrate', prepared, feeds, run);
    });
    return prepared;
  }
  const { probe, observers } = probeOf(prepared);
  try {
    await eachBatch('calibrate', batches, options, async (feeds, run) => {
      const values = await probe.runAsync(feeds, run);
      for (const [name, observer] of observers) observer.observe(values[name] as Tensor);
    });
  } finally {
    probe.dispose();
  }
  return prepared;
}

/** A graph of the same inputs whose outputs are the observed values, and their observers by output name. */
function probeOf(prepared: Graph): { probe: Graph; observers: Map<string, Observer> } {
  const probe = prepared.cloneSharingObservers();
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
