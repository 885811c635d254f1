import { OctavoError } from '@octavo/core';

/** What GLUE reports for MRPC and QQP; each value is in 0..1. */
export interface AccuracyF1 {
  /** Share of predictions that equal their label. */
  accuracy: number;
  /** F1 of the positive class (label 1). */
  f1: number;
  /** Mean of the two, GLUE's score of the task. */
  accF1: number;
}

/**
 * Accuracy, F1 of class 1, and their mean.
 *
 *     F1 = 2 TP / (2 TP + FP + FN)
 *
 * Where neither predictions nor labels hold a 1, that is 0 / 0; F1 is then 0, as in scikit-learn, which GLUE uses.
 *
 * @param predictions one class, 0 or 1, an example
 * @param labels the true classes, in the same order
 * @throws OctavoError INVALID_ARGUMENT when there is no example or the lengths differ,
 *   INVALID_DATA when a value is neither 0 nor 1.
 */
export function accuracyF1(predictions: readonly number[], labels: readonly number[]): AccuracyF1 {
  if (predictions.length !== labels.length) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `accuracyF1: expected one prediction a label, got ${predictions.length} predictions for ${labels.length} labels`,
      { details: { predictions: predictions.length, labels: labels.length } },
    );
  }
  if (labels.length === 0) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      'accuracyF1: expected at least one example, got none; no score is defined',
    );
  }
  let correct = 0;
  let truePositives = 0;
  let positives = 0; // predicted and true ones together: 2 TP + FP + FN
  for (let i = 0; i < labels.length; i++) {
    const prediction = checkClass(predictions[i] as number, 'predictions', i);
    const label = checkClass(labels[i] as number, 'labels', i);
    if (prediction === label) correct++;
    truePositives += prediction * label;
    positives += prediction + label;
  }
  const accuracy = correct / labels.length;
  const f1 = positives === 0 ? 0 : (2 * truePositives) / positives;
  return { accuracy, f1, accF1: (accuracy + f1) / 2 };
}

function checkClass(value: number, array: string, index: number): number {
  if (value === 0 || value === 1) return value;
  throw new OctavoError('INVALID_DATA', `accuracyF1: ${array}[${index}]: expected class 0 or 1, got ${value}`, {
    details: { array, index, value },
  });
}
