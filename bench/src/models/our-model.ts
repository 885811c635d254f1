import type { Backend, Tensor } from '@octavo/core';
import { type Graph, lower } from '@octavo/graph';

/** A graph compiled for one backend. */
export interface OurModel {
  /** The first output; inputs in the graph's order. */
  run(inputs: readonly Tensor[]): Tensor<'float32'>;
  /** The same off the event loop. */
  runAsync(inputs: readonly Tensor[]): Promise<readonly Tensor[]>;
  close(): void;
}

/** Compiles what graph mode would run, without the checks of names around it. */
export function compileGraph(graph: Graph, backend: Backend): OurModel {
  const executable = backend.compile(lower(graph).program);
  return {
    run: (inputs) => executable.run(inputs)[0] as Tensor<'float32'>,
    runAsync: (inputs) => executable.runAsync(inputs),
    close: () => executable.dispose(),
  };
}
