import {
  activeBackend,
  type Backend,
  type Executable,
  OctavoError,
  type RunOptions,
  Tensor,
  withBackend,
} from '@octavo/core';
import { FakeQuantize } from '@octavo/observers';
import { isDeferred } from '../import/deferred-nodes.js';
import type { Graph } from '../ir/graph.js';
import { type Lowered, lower } from '../lower/lower.js';
import { checkFeeds, type Feeds } from './check-feeds.js';
import { compileFor } from './mixed-executable.js';
import { specialise } from './specialise.js';

/** A program; null where nothing is left to run, because the outputs are constants. */
interface Compiled {
  readonly executable: Executable | null;
  readonly outputs: Lowered['outputs'];
}

/** What a backend has compiled of a graph. */
interface CompiledGraph {
  /** The graph's edit count when this was compiled, and which of its fake quantizers rounded. */
  readonly version: string;
  /** One program under '', or, where nodes are put off, one for each set of input dims. */
  readonly byDims: Map<string, Compiled>;
  readonly deferred: boolean;
  /** Set once dims alone have turned out not to be enough. */
  needsValues: boolean;
}

/** Programs of one graph for different input dims that are kept; the one unused for longest makes room. */
const MAX_SHAPES = 16;

function compiled(backend: Backend, { program, outputs }: Lowered): Compiled {
  return { executable: compileFor(backend, program), outputs };
}

function dispose(graph: CompiledGraph | undefined): void {
  for (const { executable } of graph?.byDims.values() ?? []) executable?.dispose();
}

/** The switches of a graph's fake quantizers, which code may turn without an edit of the graph. */
function roundingOf({ observers }: Graph): string {
  const switches = [...observers.values()].map(
    ({ observer }) => observer instanceof FakeQuantize && observer.fakeQuantEnabled,
  );
  return switches.map(Number).join('');
}

/** Runs a graph on the active backend; compiles at first use, once for each backend and edit of the graph. */
export class GraphRunner {
  private readonly graph: Graph;
  private readonly compiled = new Map<Backend, CompiledGraph>();
  private disposed = false;

  constructor(graph: Graph) {
    this.graph = graph;
  }

  run(feeds: Feeds): Record<string, Tensor> {
    const inputs = checkFeeds(this.graph, feeds);
    const { executable, outputs } = this.compile(inputs);
    return collect(outputs, executable === null ? [] : executable.run([...inputs.values()]), inputs);
  }

  async runAsync(feeds: Feeds, options?: RunOptions): Promise<Record<string, Tensor>> {
    const inputs = checkFeeds(this.graph, feeds);
    const { executable, outputs } = this.compile(inputs);
    const results = executable === null ? [] : await executable.runAsync([...inputs.values()], options);
    return collect(outputs, results, inputs);
  }

  dispose(): void {
    this.disposed = true;
    this.release();
  }

  private compile(inputs: ReadonlyMap<string, Tensor>): Compiled {
    if (this.disposed) {
      throw new OctavoError('DISPOSED', '[run] this graph was disposed; clone() it before, or trace or load it again');
    }
    const backend = activeBackend();
    const cached = this.compiled.get(backend);
    const version = `${this.graph.version} ${roundingOf(this.graph)}`;
    const known = cached?.version === version ? cached : this.renew(backend, version);
    if (!known.deferred) {
      known.byDims.set('', known.byDims.get('') ?? compiled(backend, lower(this.graph)));
      return known.byDims.get('') as Compiled;
    }
    return this.compileShaped(backend, known, [...inputs.values()]);
  }

  private renew(backend: Backend, version: string): CompiledGraph {
    dispose(this.compiled.get(backend));
    let deferred = false;
    for (const { op } of this.graph.nodes()) deferred ||= isDeferred(op);
    const made: CompiledGraph = { version, byDims: new Map(), deferred, needsValues: false };
    this.compiled.set(backend, made);
    return made;
  }

  /** A graph whose shapes depend on the inputs' dims: compiled for each set of them; by value where values matter. */
  private compileShaped(backend: Backend, known: CompiledGraph, inputs: readonly Tensor[]): Compiled {
    this.checkDTypes(inputs);
    const key = inputs.map(({ raw }) => raw.dims.join('x')).join(';');
    const cached = known.byDims.get(key);
    if (cached !== undefined) {
      // Most recently used last.
      known.byDims.delete(key);
      known.byDims.set(key, cached);
      return cached;
    }
    if (!known.needsValues) {
      const { graph, needsValues } = specialise(
        this.graph,
        inputs.map(({ type, raw }) => ({ dtype: type, dims: raw.dims })),
      );
      if (!needsValues) return this.remember(known, key, compiled(backend, lower(graph)));
      known.needsValues = true;
    }
    const { graph, needsValues } = withBackend(backend, () => specialise(this.graph, inputs));
    if (!needsValues) return { executable: null, outputs: lower(graph).outputs };
    throw new OctavoError('UNSUPPORTED', '[run] this graph holds a node that no values resolve');
  }

  private remember(known: CompiledGraph, key: string, made: Compiled): Compiled {
    if (known.byDims.size >= MAX_SHAPES) {
      const [oldest, { executable }] = known.byDims.entries().next().value as [string, Compiled];
      known.byDims.delete(oldest);
      executable?.dispose();
    }
    known.byDims.set(key, made);
    return made;
  }

  private checkDTypes(inputs: readonly Tensor[]): void {
    this.graph.inputs.forEach(({ hint, type }, i) => {
      const got = (inputs[i] as Tensor).type;
      if (type.kind !== 'tensor' || type.dtype === got) return;
      throw new OctavoError(
        'INVALID_DTYPE',
        `[run] input '${hint}' expects ${type.dtype}, got ${got}; convert it first`,
      );
    });
  }

  private release(): void {
    for (const each of this.compiled.values()) dispose(each);
    this.compiled.clear();
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
