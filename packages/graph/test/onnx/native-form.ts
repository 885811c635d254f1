import { type Backend, type Tensor, withBackend } from '@octavo/core';
import { createNativeBackend, supportedIsas } from '@octavo/kernels-native';
import type { Graph } from '../../src/index.js';
import { lower } from '../../src/lower/lower.js';
import { specialise } from '../../src/run/specialise.js';

/** Native kernels of this machine's best instruction set; null where the addon is not built. */
export const withNative: Backend | null = best();

function best(): Backend | null {
  try {
    return createNativeBackend({ isa: supportedIsas().at(-1) as never });
  } catch {
    return null;
  }
}

/** What native kernels give for a graph, and the ops that they leave to the reference. */
export function nativeForm(graph: Graph, feeds: Readonly<Record<string, Tensor>>) {
  const backend = withNative as Backend;
  const shapes = graph.inputs
    .map(({ hint }) => feeds[hint] as Tensor)
    .map(({ type, raw }) => ({ dtype: type, dims: raw.dims }));
  const executable = backend.compile(lower(specialise(graph, shapes).graph).program);
  const { referenceOps } = executable;
  executable.dispose();
  return { referenceOps, outputs: withBackend(backend, () => graph.run(feeds)) };
}
