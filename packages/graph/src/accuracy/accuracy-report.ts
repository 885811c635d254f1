import type { QuantizerGroup } from './quantizer-groups.js';

/** One int8 graph that was evaluated. */
export interface AccuracyTrial {
  readonly metric: number;
  /** The float graph's metric less this one. */
  readonly drop: number;
  /** The group that was taken out last; null for the graph with all of them. */
  readonly group: QuantizerGroup | null;
  /** Observers of all groups that were out. */
  readonly removed: readonly string[];
  /** False where the metric got worse, so that the group was put back. */
  readonly kept: boolean;
}

/** The path that `quantizeWithAccuracyControl` took. */
export interface AccuracyReport {
  readonly floatMetric: number;
  readonly metric: number;
  readonly drop: number;
  readonly maxDrop: number;
  /** True where the drop is at most `maxDrop`; false where a budget or the groups ended first. */
  readonly met: boolean;
  readonly groups: readonly QuantizerGroup[];
  readonly trials: readonly AccuracyTrial[];
}

/** The report as text: one line a trial. */
export function renderAccuracyReport(report: AccuracyReport): string {
  const { floatMetric, metric, drop, maxDrop, met, groups, trials } = report;
  const out = trials.findLast(({ kept }) => kept)?.removed.length ?? 0;
  const lines = trials.map(({ group, metric: got, drop: lost, kept }) => {
    const what = group === null ? 'all int8' : `${group.activation} float${readers(group)}`;
    return `  ${number(got)}  drop ${number(lost)}  ${what}${kept ? '' : '  (worse: put back)'}`;
  });
  return [
    `float ${number(floatMetric)}, int8 ${number(metric)}: drop ${number(drop)}, ${met ? 'within' : 'more than'} ${number(maxDrop)}`,
    `${groups.length - out} of ${groups.length} groups of quantizers are int8`,
    ...lines,
  ].join('\n');
}

function readers({ layers }: QuantizerGroup): string {
  return layers.length === 0 ? '' : ` (with ${layers.join(', ')})`;
}

function number(value: number): string {
  return String(Number(value.toPrecision(5)));
}
