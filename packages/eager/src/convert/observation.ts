import type { ForwardHook } from '@octavo/core';
import { type Module, OctavoError, type Q, type Tensor } from '@octavo/core';
import type { Observer } from '@octavo/observers';

// What `prepare` leaves on a module and `convert` takes off again.

const OBSERVATION = Symbol.for('@octavo/observation.v1');

/** The observer of a module's output and how many tensors it saw: PyTorch's `activation_post_process`. */
export class Observation {
  seen = 0;

  constructor(readonly observer: Observer) {}

  /** Shows the observer a tensor; a fake quantization gives another one back. */
  observe(x: Tensor): Tensor {
    this.seen++;
    return this.observer.observe(x);
  }

  /** The forward hook of modules whose one output is observed. */
  readonly hook: ForwardHook = (_module, _inputs, output) => this.observe(output as Tensor);
}

interface Observed {
  [OBSERVATION]?: Observation;
}

/** The observation of a prepared module. */
export function observationOf(module: Module): Observation | undefined {
  return (module as Observed)[OBSERVATION];
}

/** Gives a module an observer of its output. */
export function attachObservation(module: Module, observation: Observation): void {
  const hidden = { enumerable: false, writable: true, configurable: true };
  Object.defineProperty(module, OBSERVATION, { ...hidden, value: observation });
}

/** Scale and zero point of what a prepared module gave during calibration; they must be those of one quint8 tensor. */
export function observedOutput(module: Module): Q.OutputQParams {
  const observation = observationOf(module);
  if (observation === undefined) {
    throw new OctavoError('INVALID_ARGUMENT', `its output has no observer; call prepare on the model before convert`);
  }
  if (observation.seen === 0) {
    throw new OctavoError(
      'INVALID_DATA',
      'its observer saw no data: run calibration inputs through the prepared model (the one that prepare returned), or keep ' +
        'this module float with qconfig null if the model never calls it',
    );
  }
  const { scales, zeroPoints } = observation.observer.calculateQParams();
  return { scale: scales[0] as number, zeroPoint: zeroPoints[0] as number };
}

/** Takes observer and hook off a module. */
export function removeObservation(module: Module): void {
  const observation = observationOf(module);
  if (observation === undefined) return;
  module.forwardHooks.delete(observation.hook);
  delete (module as Observed)[OBSERVATION];
}
