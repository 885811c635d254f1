import { OctavoError } from '@octavo/core';

/**
 * Share of examples whose true class is among the `k` largest of its logits, in 0..1. Of equal logits the lower class
 * counts as the larger, so that top-1 is the accuracy of argmax.
 *
 * @param logits [examples, classes], row-major
 * @param labels the true class of each example
 * @throws OctavoError INVALID_ARGUMENT when there is no example or logits and labels do not fit,
 *   INVALID_DATA when a label is no class.
 */
export function topK(logits: ArrayLike<number>, labels: readonly number[], k: number): number {
  const classes = logits.length / labels.length;
  if (labels.length === 0 || !Number.isInteger(classes) || classes === 0) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `topK: expected one row of logits for each of at least one label, got ${logits.length} logits for ${labels.length} labels`,
    );
  }
  let hits = 0;
  labels.forEach((label, row) => {
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new OctavoError('INVALID_DATA', `topK: labels[${row}]: expected a class below ${classes}, got ${label}`);
    }
    const start = row * classes;
    const own = logits[start + label] as number;
    let larger = 0;
    for (let c = 0; c < classes; c++) {
      const other = logits[start + c] as number;
      if (other > own || (other === own && c < label)) larger++;
    }
    if (larger < k) hits++;
  });
  return hits / labels.length;
}
