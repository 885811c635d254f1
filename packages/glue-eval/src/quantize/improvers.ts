import { OctavoError } from '@octavo/core';
import {
  adaRound,
  type Batches,
  correctBias,
  equalizeLayers,
  type Graph,
  quantizeAttention,
  smoothQuant,
} from '@octavo/graph';
import { unknownName } from '../unknown-name.js';

/** One way to lose less, or to make more int8, that `--improve` takes by name. */
interface Improver {
  readonly name: string;
  readonly summary: string;
  /** Which graph it takes: the float one, or the calibrated one. */
  readonly stage: 'float' | 'prepared';
  /** True where it looks at examples. */
  readonly learns: boolean;
  apply(graph: Graph, examples: Batches, surroundings: Surroundings): Graph | Promise<Graph>;
}

/** What improvers are told besides. */
interface Surroundings {
  /** What the int8 linears take one range for. */
  readonly ranges: 'tensor' | 'row';
  readonly signal: AbortSignal;
  log(text: string): void;
}

/** All of them, in the order in which they run. To add one: its row here. */
export const IMPROVERS: readonly Improver[] = [
  {
    name: 'equalize',
    summary: 'one range for channels of two layers',
    stage: 'float',
    learns: false,
    apply: (graph) => equalizeLayers(graph),
  },
  {
    name: 'smoothQuant',
    summary: 'outliers of activations move into weights',
    stage: 'float',
    learns: true,
    apply: (graph, examples, { ranges }) => smoothQuant(graph, examples, { ranges }),
  },
  {
    name: 'adaRound',
    summary: 'weights rounded up or down as examples say',
    stage: 'prepared',
    learns: true,
    apply: (graph, examples, { signal, log }) => {
      const onProgress = (layer: string, done: number, total: number) => log(`adaRound: ${layer}, ${done} of ${total}`);
      return adaRound(graph, examples, { signal, onProgress });
    },
  },
  {
    name: 'biasCorrection',
    summary: 'what rounding shifts goes into biases',
    stage: 'prepared',
    learns: true,
    apply: (graph, examples) => correctBias(graph, examples),
  },
  {
    name: 'int8Attention',
    summary: "attention's two matmuls in int8",
    stage: 'prepared',
    learns: false,
    apply: (graph) => quantizeAttention(graph),
  },
];

const NONE = 'none';

/**
 * What our own static presets go with where nobody says otherwise (docs/accuracy.md). PyTorch's are taken as they are.
 */
const OF_PRESET: Readonly<Record<string, string>> = { staticTransformer: 'smoothQuant', staticImage: 'biasCorrection' };

/** The improvers of a list of names with commas between, or `none`; without a list, those that a preset goes with. */
export function improversOf(names: string | undefined, preset: string): readonly Improver[] {
  const known = IMPROVERS.map(({ name }) => name);
  const list = names ?? (Object.hasOwn(OF_PRESET, preset) ? (OF_PRESET[preset] as string) : NONE);
  const asked = list === NONE ? [] : list.split(',').map((name) => name.trim());
  const wrong = asked.find((name) => !known.includes(name));
  if (wrong !== undefined) throw unknownName('improver', wrong, [...known, NONE]);
  return IMPROVERS.filter(({ name }) => asked.includes(name));
}

/** What improvers do to the float and to the prepared graph. `examples`: feeds without padding, where there are any. */
export function improve(improvers: readonly Improver[], examples: Batches | null, surroundings: Surroundings) {
  const blind = improvers.find(({ learns }) => learns && examples === null);
  if (blind !== undefined) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `--improve ${blind.name} learns from examples; name a folder of them with --calibrate FOLDER[:N]`,
    );
  }
  const run = (stage: Improver['stage']) => async (graph: Graph) => {
    let improved = graph;
    for (const improver of improvers) {
      if (improver.stage === stage) improved = await improver.apply(improved, examples ?? [], surroundings);
    }
    return improved;
  };
  return { float: run('float'), prepared: run('prepared') };
}
