import { loadPairs } from '../data/pairs.js';
import { accuracyF1 } from '../metrics/accuracy-f1.js';
import type { PairTask } from './task.js';

/** Microsoft Research Paraphrase Corpus, as in GLUE: do two sentences say the same? */
export const mrpc: PairTask = {
  name: 'mrpc',
  title: 'MRPC, paraphrase detection',
  kind: 'sentence-pair',
  labels: ['not_equivalent', 'equivalent'],
  metrics: [
    { key: 'accuracy', title: 'accuracy' },
    { key: 'f1', title: 'F1' },
    { key: 'accF1', title: 'mean' },
  ],
  defaults: { split: 'dev', scheme: 'dynamic', qconfig: 'perRow' },
  load: loadPairs,
  score: ({ predictions }, labels) => ({ ...accuracyF1(predictions, labels) }),
};
