import type { RowGroup } from '../row.js';
import { ADDON_LOAD } from './addon-load.js';
import { ATTENTION } from './attention.js';
import { BERT_GROUPS } from './bert.js';
import { CALL_OVERHEAD } from './call-overhead.js';
import { CONV } from './conv.js';
import { EVENT_LOOP } from './event-loop.js';
import { FIRST_RUN } from './first-run.js';
import { IMAGE_NETS } from './image-nets.js';
import { LARGE_GRAPH } from './large-graph.js';
import { LINEAR_GROUPS } from './linears.js';
import { RECURRENT_GROUPS } from './recurrent.js';
import { WEIGHT_ONLY_GROUPS } from './weight-only.js';

/** All rows in the order in which they run. To add one: a file beside this one. */
export const GROUPS: readonly RowGroup[] = [
  CALL_OVERHEAD,
  ...LINEAR_GROUPS,
  ...RECURRENT_GROUPS,
  ...WEIGHT_ONLY_GROUPS,
  ATTENTION,
  CONV,
  ...IMAGE_NETS,
  ...BERT_GROUPS,
  EVENT_LOOP,
  ADDON_LOAD,
  FIRST_RUN,
  LARGE_GRAPH,
];
