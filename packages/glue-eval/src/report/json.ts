import type { Evaluation } from '../eval/evaluation.js';

/** The result for machines. */
export function renderJson({ summary }: Evaluation): string {
  return `${JSON.stringify(summary, null, 2)}\n`;
}
