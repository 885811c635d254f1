import {
  activeBackend,
  type Backend,
  didYouMean,
  type Executable,
  formatDims,
  OctavoError,
  type RunOptions,
  Tensor,
} from '@octavo/core';
import type { Graph } from '../ir/graph.js';
import { type Lowered, lower } from '../lower/lower.js';

/** Tensors by input name; ONNX Runtime's and any other `{ type, dims, data }` will do. */
export type Feeds = Readonly<Record<string, { type: string; dims: readonly number[]; data: unknown }>>;

interface Compiled {
  /** The graph's edit count when this was compiled. */
  readonly version: number;
  readonly executable: Executable;
  readonly outputs: Lowered['outputs'];
}

/** Runs a graph on the active backend; compiles at first use, once for each backend and edit of the graph. */
export class GraphRunner {
  private readonly graph: Graph;
  private readonly compiled = new Map<Backend, Compiled>();
  private disposed = false;

  constructor(graph: Graph) {
    this.graph = graph;
  }

  run(feeds: Feeds): Record<string, Tensor> {
    const inputs = this.checkFeeds(feeds);
    const { executable, outputs } = this.compile();
    return collect(outputs, executable.run([...inputs.values()]), inputs);
  }

  async runAsync(feeds: Feeds, options?: RunOptions): Promise<Record<string, Tensor>> {
    const inputs = this.checkFeeds(feeds);
    const { executable, outputs } = this.compile();
    return collect(outputs, await executable.runAsync([...inputs.values()], options), inputs);
  }

  dispose(): void {
    this.disposed = true;
    this.release();
  }

  private compile(): Compiled {
    if (this.disposed) {
      throw new OctavoError('DISPOSED', '[run] this graph was disposed; clone() it before, or trace or load it again');
    }
    const backend = activeBackend();
    const known = this.compiled.get(backend);
    if (known?.version === this.graph.version) return known;
    known?.executable.dispose();
    const { program, outputs } = lower(this.graph);
    const made = { version: this.graph.version, executable: backend.compile(program), outputs };
    this.compiled.set(backend, made);
    return made;
  }

  private release(): void {
    for (const { executable } of this.compiled.values()) executable.dispose();
    this.compiled.clear();
  }

  /** The fed tensors in the order of the graph's inputs. */
  private checkFeeds(feeds: Feeds): Map<string, Tensor> {
    const names = this.graph.inputNames;
    const given = Object.keys(feeds ?? {});
    for (const name of given) {
      if (names.includes(name)) continue;
      throw new OctavoError(
        'UNKNOWN_NAME',
        `[run] this graph has no input '${name}'${didYouMean(name, names)} Its inputs: ${names.join(', ')}`,
        { details: { name, inputs: names } },
      );
    }
    const missing = names.filter((name) => !given.includes(name));
    if (missing.length > 0) {
      throw new OctavoError(
        'INVALID_ARGUMENT',
        `[run] missing inputs: ${missing.join(', ')}; got ${given.join(', ') || 'none'}`,
        {
          details: { missing },
        },
      );
    }
    return new Map(names.map((name) => [name, this.checkFeed(name, feeds[name])]));
  }

  private checkFeed(name: string, value: Feeds[string] | undefined): Tensor {
    if (typeof value !== 'object' || value === null || !('type' in value && 'dims' in value && 'data' in value)) {
      throw new OctavoError('INVALID_ARGUMENT', `[run] input '${name}' must be a tensor ({ type, dims, data })`);
    }
    const tensor = Tensor.wrap(value);
    const expected = this.graph.inputs.find(({ hint }) => hint === name)?.type;
    if (this.graph.fixedBy === null || expected?.kind !== 'tensor' || expected.dims === null) return tensor;
    if (formatDims(expected.dims) === formatDims(tensor.raw.dims)) return tensor;
    throw new OctavoError(
      'SHAPE_FIXED_BY_TRACE',
      `[run] input '${name}' must be ${formatDims(expected.dims)}, got ${formatDims(tensor.raw.dims)}: the traced code reads ` +
        `dims (${this.graph.fixedBy}), which fixed the graph to the traced shapes; use 0 and -1 in reshape instead, or ` +
        'trace again at this shape',
      { details: { input: name, expected: expected.dims, got: tensor.raw.dims, fixedBy: this.graph.fixedBy } },
    );
  }
}

/** The graph's outputs by name. None shares memory with an input or a constant: a caller may write to its results. */
function collect(
  outputs: Lowered['outputs'],
  results: readonly Tensor[],
  inputs: ReadonlyMap<string, Tensor>,
): Record<string, Tensor> {
  const fed = new Set<unknown>([...inputs.values()].map(({ raw }) => raw.data.buffer));
  return Object.fromEntries(
    outputs.map(({ name, source }) => {
      const tensor =
        'program' in source ? results[source.program] : 'input' in source ? inputs.get(source.input) : source.constant;
      if (!Tensor.is(tensor)) throw new OctavoError('INVALID_ARGUMENT', `[run] output '${name}' is no tensor`);
      const { type, raw } = tensor;
      const own = 'program' in source && !fed.has(raw.data.buffer);
      return [name, own ? tensor : new Tensor(type, raw.data.slice() as never, raw.dims)];
    }),
  );
}
