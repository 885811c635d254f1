import { OctavoError } from '@octavo/core';
import type { QConfigDict, QConfigMapping } from '@octavo/observers';
import type { Graph } from '../ir/graph.js';
import { calibrate } from '../quantize/calibrate.js';
import { convert } from '../quantize/convert.js';
import { prepare } from '../quantize/prepare.js';
import type { Feeds } from '../run/check-feeds.js';
import type { AccuracyReport, AccuracyTrial } from './accuracy-report.js';
import { mean, outputsOf, relativeErrors } from './output-error.js';
import { type QuantizerGroup, quantizerGroups, withoutGroups } from './quantizer-groups.js';
import { fingerprintOf, TrialMemory } from './trial-memory.js';

export interface AccuracyControlOptions {
  /** The metric of a graph, larger is better; must be the same each time it is asked about the same graph. */
  evaluate: (graph: Graph) => number | Promise<number>;
  /** How much of the float graph's metric may be lost, in the metric's own unit. */
  maxDrop: number;
  qconfigDict: QConfigDict | QConfigMapping;
  /** Batches of feeds for the observers. */
  calibration: Iterable<Feeds>;
  /** A step between calibration and the search: `(prepared) => correctBias(prepared, batches)`. */
  improve?: (prepared: Graph) => Graph | Promise<Graph>;
  /** Batches on which the groups are ranked, by the error of the outputs; those of `calibration` when left out. */
  ranking?: Iterable<Feeds>;
  /** How many of the ranking batches count: those whose outputs int8 changes most. 16 by default. */
  rankingSize?: number;
  /** The most graphs that are evaluated after the first int8 one; no limit by default. */
  maxTrials?: number;
  /** No further trial begins after so many seconds. */
  maxSeconds?: number;
  /** File that remembers what was measured: an interrupted search with the same inputs goes on where it was. */
  resume?: string;
  signal?: AbortSignal;
  onTrial?: (trial: AccuracyTrial) => void;
}

/** An int8 graph that keeps its accuracy, and how it was found. */
export interface AccuracyControlled {
  readonly graph: Graph;
  readonly report: AccuracyReport;
}

/**
 * Static quantization that gives float back where int8 costs too much (after NNCF's `quantize_with_accuracy_control`):
 * quantizes, evaluates, ranks the groups of quantizers by how much better the outputs get without each, on the examples
 * that int8 changes most, and takes them out, worst first, until the metric has lost no more than `maxDrop`. A group
 * whose removal makes the metric worse is put back once, and the rest are ranked again. The graph comes with the best
 * metric seen when a budget ends first; `report.met` says which it was.
 */
export async function quantizeWithAccuracyControl(
  float: Graph,
  options: AccuracyControlOptions,
): Promise<AccuracyControlled> {
  checkOptions(options);
  const { evaluate, maxDrop, signal } = options;
  const started = performance.now();
  const calibration = [...options.calibration];
  const calibrated = await calibrate(prepare(float, options.qconfigDict), calibration, signal && { signal });
  const prepared = (await options.improve?.(calibrated)) ?? calibrated;
  const memory = await TrialMemory.open(options.resume, fingerprintOf(prepared, maxDrop));

  const measure = async (name: string, graph: () => Graph): Promise<number> => {
    if (signal?.aborted)
      throw new OctavoError('ABORTED', '[accuracyControl] aborted by its signal', { cause: signal.reason });
    return memory.recall(name, async () => {
      const made = graph();
      try {
        return checkMetric(await evaluate(made));
      } finally {
        made.dispose();
      }
    });
  };
  const int8Graph = (removed: readonly string[]): Graph =>
    convert(withoutGroups(prepared, new Set(removed)), { inplace: true });
  const metricOf = (removed: readonly string[]) =>
    measure(`without ${[...removed].sort().join(' ')}`, () => int8Graph(removed));

  const floatMetric = await measure('float', () => float.clone());
  const groups = quantizerGroups(prepared);
  const trials: AccuracyTrial[] = [];
  const withinBudget = () =>
    trials.length <= (options.maxTrials ?? Number.POSITIVE_INFINITY) &&
    performance.now() - started < (options.maxSeconds ?? Number.POSITIVE_INFINITY) * 1000;
  const trial = async (removed: readonly string[], tried: QuantizerGroup | null): Promise<AccuracyTrial> => {
    const metric = await metricOf(removed);
    // 87.8 - 87.6 is more than 0.2 in binary: digits that no metric means are rounded away.
    const drop = Number((floatMetric - metric).toPrecision(12));
    const made: AccuracyTrial = { metric, drop, group: tried, removed: [...removed], kept: false };
    trials.push(made);
    return made;
  };
  const keep = (made: AccuracyTrial): AccuracyTrial => {
    const kept = { ...made, kept: true };
    trials[trials.indexOf(made)] = kept;
    options.onTrial?.(kept);
    return kept;
  };

  let best = keep(await trial([], null));
  if (best.drop > maxDrop) {
    const ranker = new Ranker(float, prepared, [...(options.ranking ?? calibration)], options);
    let queue = await ranker.rank(best.removed, groups);
    const putBack = new Set<string>();
    while (best.drop > maxDrop && queue.length > 0 && withinBudget()) {
      const group = queue.shift() as QuantizerGroup;
      const next = await trial([...best.removed, group.observer], group);
      if (next.metric >= best.metric) {
        best = keep(next);
        continue;
      }
      options.onTrial?.(next);
      // One step back: the group may still help once others are gone.
      putBack.add(group.observer);
      const open = groups.filter(({ observer }) => !best.removed.includes(observer) && !putBack.has(observer));
      queue = await ranker.rank(best.removed, open);
    }
  }
  return {
    graph: int8Graph(best.removed),
    report: { floatMetric, metric: best.metric, drop: best.drop, maxDrop, met: best.drop <= maxDrop, groups, trials },
  };
}

/** Ranks groups by what taking each out, beside those that are out already, does to the outputs. */
class Ranker {
  private expected: Float32Array[] | null = null;
  private batches: readonly Feeds[];

  constructor(
    private readonly float: Graph,
    private readonly prepared: Graph,
    batches: readonly Feeds[],
    private readonly options: AccuracyControlOptions,
  ) {
    this.batches = batches;
  }

  /** The groups whose removal leaves the smallest error first. */
  async rank(removed: readonly string[], groups: readonly QuantizerGroup[]): Promise<QuantizerGroup[]> {
    const { signal } = this.options;
    const expected = await this.prepareBatches(removed);
    const errors = new Map<QuantizerGroup, number>();
    for (const group of groups) {
      const graph = convert(withoutGroups(this.prepared, new Set([...removed, group.observer])), { inplace: true });
      errors.set(group, mean(relativeErrors(expected, await outputsOf(graph, this.batches, signal))));
    }
    return [...groups].sort((a, b) => (errors.get(a) as number) - (errors.get(b) as number));
  }

  /** Chooses, once, the batches that int8 changes most. */
  private async prepareBatches(removed: readonly string[]): Promise<Float32Array[]> {
    if (this.expected !== null) return this.expected;
    const { signal, rankingSize = 16 } = this.options;
    const float = await outputsOf(this.float.clone(), this.batches, signal);
    const graph = convert(withoutGroups(this.prepared, new Set(removed)), { inplace: true });
    const errors = relativeErrors(float, await outputsOf(graph, this.batches, signal));
    const worst = errors
      .map((_, i) => i)
      .sort((a, b) => (errors[b] as number) - (errors[a] as number))
      .slice(0, rankingSize);
    this.batches = worst.map((i) => this.batches[i] as Feeds);
    this.expected = worst.map((i) => float[i] as Float32Array);
    return this.expected;
  }
}

function checkOptions({ evaluate, maxDrop, maxTrials, maxSeconds, rankingSize }: AccuracyControlOptions): void {
  const refuse = (message: string): never => {
    throw new OctavoError('INVALID_ARGUMENT', `[accuracyControl] ${message}`);
  };
  if (typeof evaluate !== 'function') refuse('evaluate must be a function from a graph to its metric');
  if (!(maxDrop >= 0)) refuse(`maxDrop must be a number of 0 or more, got ${maxDrop}`);
  if (maxTrials !== undefined && !(Number.isInteger(maxTrials) && maxTrials >= 0)) {
    refuse(`maxTrials must be an integer of 0 or more, got ${maxTrials}`);
  }
  if (maxSeconds !== undefined && !(maxSeconds > 0)) refuse(`maxSeconds must be a positive number, got ${maxSeconds}`);
  if (rankingSize !== undefined && !(Number.isInteger(rankingSize) && rankingSize > 0)) {
    refuse(`rankingSize must be a positive integer, got ${rankingSize}`);
  }
}

function checkMetric(metric: number): number {
  if (Number.isFinite(metric)) return metric;
  throw new OctavoError('INVALID_DATA', `[accuracyControl] evaluate gave ${metric}; it must give a finite number`);
}
