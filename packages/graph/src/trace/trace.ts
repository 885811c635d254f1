import { activeRecorder, isModule, type Module, OctavoError, type Tensor, withRecorder } from '@octavo/core';
import { Graph } from '../ir/graph.js';
import { GraphRecorder } from './graph-recorder.js';
import { ModuleNames } from './module-names.js';
import { namedInputs, namedOutputs, type TraceInputs } from './named-tensors.js';

/** What can be traced: a module, or a plain function of tensors whose other tensors become constants. */
// biome-ignore lint/suspicious/noExplicitAny: a traced function has any parameters; `inputs` says which it is given.
export type Traceable = Module | ((...inputs: any[]) => unknown);

/**
 * Runs `module` once on example inputs and returns what it did as a graph.
 *
 * The inputs are passed to `forward` in order; their names (`input0`, `input1`, ... for an array) are the names that
 * `graph.run` feeds. The result may be a tensor (its name is `output`), an array (`output0`, ...) or a record.
 *
 * The graph serves any batch and length, unless the traced code read `dims` of a tensor that depends on the inputs:
 * then it is fixed to the traced shapes, and says so. Reading their `data` is a TRACE_FAILED error that names the
 * line; so is a result that is no tensor, an asynchronous forward, and a trace inside a trace.
 */
export function trace(module: Traceable, inputs: TraceInputs): Graph {
  if (activeRecorder() !== null) {
    throw new OctavoError('TRACE_FAILED', '[trace] another trace is running; trace the outer module alone');
  }
  const root = isModule(module) ? module : null;
  if (root === null && typeof module !== 'function') {
    throw new OctavoError('INVALID_ARGUMENT', `[trace] expected a module or a function, got ${typeof module}`);
  }
  const name = root?.typeName ?? ((module as { name: string }).name || 'Function');
  const names = new ModuleNames(root, name);
  const graph = new Graph(name);
  for (const [path, typeName] of names.typeNames) graph.modules.set(path, typeName);
  const recorder = new GraphRecorder(graph, names);
  const named = namedInputs(inputs);
  for (const [input, tensor] of named) recorder.input(input, tensor);
  const values = named.map(([, tensor]) => tensor);
  const result = withRecorder(recorder, () => {
    try {
      return root === null ? (module as (...inputs: Tensor[]) => unknown)(...values) : root.call(...values);
    } catch (error) {
      throw recorder.failure ?? error;
    }
  });
  if (recorder.failure !== null) throw recorder.failure;
  for (const [output, tensor] of namedOutputs(result)) graph.addOutput(output, recorder.valueOf(tensor));
  return graph;
}
