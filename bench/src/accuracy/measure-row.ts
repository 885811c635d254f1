import { median } from '@octavo/glue-eval';
import { type Graph, graphSizeBytes } from '@octavo/graph';
import { argmaxRows, type Subject } from './subject.js';

/** What one way to quantize costs. */
export interface RowResult {
  /** Of the saved file. */
  readonly bytes: number;
  /** In 0..1, by the title of their column. */
  readonly scores: Readonly<Record<string, number>>;
  /** Examples whose class is not the float graph's. */
  readonly changed: number;
  /** Of the logits, in dB. */
  readonly sqnr: number;
  /** Of the median batch. */
  readonly ms: number;
}

/** Runs a graph over all data. `reference`: the float graph's logits. */
export async function measureRow(subject: Subject, graph: Graph, reference: Float32Array | null): Promise<RowResult> {
  const { logits, ms } = await subject.run(graph);
  const { labels, seen } = subject;
  const classes = logits.length / labels.length;
  const expected = reference ?? logits;
  const classesOf = argmaxRows(expected, classes);
  return {
    bytes: graphSizeBytes(graph),
    scores: { ...subject.score(logits, labels), ...(seen.size > 0 && unseenScores(subject, logits, classes)) },
    changed: argmaxRows(logits, classes).filter((label, i) => label !== classesOf[i]).length,
    sqnr: sqnrOf(expected, logits),
    ms: median([...ms]),
  };
}

/** The first score over the examples that calibration has not seen. */
function unseenScores({ score, labels, seen }: Subject, logits: Float32Array, classes: number): Record<string, number> {
  const rest = labels.map((_, i) => i).filter((i) => !seen.has(i));
  const some = Float32Array.from(rest.flatMap((i) => [...logits.subarray(i * classes, (i + 1) * classes)]));
  const scores = score(
    some,
    rest.map((i) => labels[i] as number),
  );
  const [[title, value]] = Object.entries(scores) as [[string, number]];
  return { [`${title} of the ${rest.length} not calibrated on`]: value };
}

function sqnrOf(expected: Float32Array, got: Float32Array): number {
  let [signal, noise] = [0, 0];
  expected.forEach((x, i) => {
    signal += x * x;
    noise += (x - (got[i] as number)) ** 2;
  });
  return 10 * Math.log10(signal / noise);
}
