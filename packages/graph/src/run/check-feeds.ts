import { didYouMean, formatDims, OctavoError, Tensor } from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import type { ValueType } from '../ir/value-type.js';

/** Tensors by input name; ONNX Runtime's and any other `{ type, dims, data }` will do. */
export type Feeds = Readonly<Record<string, { type: string; dims: readonly number[]; data: unknown }>>;

/** The fed tensors in the order of the graph's inputs. */
export function checkFeeds(graph: Graph, feeds: Feeds): Map<string, Tensor> {
  const types = new Map(graph.inputs.map(({ hint, type }) => [hint, type]));
  const names = [...types.keys()];
  const given = new Set(Object.keys(feeds ?? {}));
  for (const name of given) {
    if (types.has(name)) continue;
    throw new OctavoError(
      'UNKNOWN_NAME',
      `[run] this graph has no input '${name}'${didYouMean(name, names)} Its inputs: ${names.join(', ')}`,
      { details: { name, inputs: names } },
    );
  }
  const missing = names.filter((name) => !given.has(name));
  if (missing.length > 0) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[run] missing inputs: ${missing.join(', ')}; got ${[...given].join(', ') || 'none'}`,
      {
        details: { missing },
      },
    );
  }
  return new Map([...types].map(([name, type]) => [name, checkFeed(graph, name, type, feeds[name])]));
}

function checkFeed(graph: Graph, name: string, expected: ValueType, value: Feeds[string] | undefined): Tensor {
  if (typeof value !== 'object' || value === null || !('type' in value && 'dims' in value && 'data' in value)) {
    throw new OctavoError('INVALID_ARGUMENT', `[run] input '${name}' must be a tensor ({ type, dims, data })`);
  }
  const tensor = Tensor.wrap(value);
  if (graph.fixedBy === null || expected.kind !== 'tensor' || expected.dims === null) return tensor;
  if (formatDims(expected.dims) === formatDims(tensor.raw.dims)) return tensor;
  throw new OctavoError(
    'SHAPE_FIXED_BY_TRACE',
    `[run] input '${name}' must be ${formatDims(expected.dims)}, got ${formatDims(tensor.raw.dims)}: ` +
      whyFixed(graph.fixedBy),
    { details: { input: name, expected: expected.dims, got: tensor.raw.dims, fixedBy: graph.fixedBy } },
  );
}

/** What fixed a graph's input dims: code that a trace went through, or a model's file. */
function whyFixed(fixedBy: string): string {
  if (!fixedBy.startsWith('dims read')) return `fixed by ${fixedBy}`;
  return (
    `the traced code reads dims (${fixedBy}), which fixed the graph to the traced shapes; use 0 and -1 in reshape instead, ` +
    'or trace again at this shape'
  );
}
