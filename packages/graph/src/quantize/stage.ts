import { OctavoError } from '@octavo/core';
import type { Graph, GraphStage } from '../ir/graph.js';

/** How a message speaks of a stage, and what to do with such a graph. */
const STAGES: Readonly<Record<GraphStage, string>> = {
  float: 'a float graph, as trace gives; prepare it first (prepare, or prepareDynamic)',
  prepared: 'prepared already; convert it (convert, or convertDynamic)',
  debug: 'converted already, in debug form',
  quantized: 'converted already; start from the float graph',
};

/** Refuses a graph that has come too far, or not far enough. */
export function checkStage(verb: string, graph: Graph, expected: GraphStage): void {
  if (typeof graph?.clone !== 'function') {
    throw new OctavoError('INVALID_ARGUMENT', `[${verb}] expected a graph (trace makes one from a module)`);
  }
  if (graph.stage === expected) return;
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `[${verb}] expected a ${expected} graph, but this one is ${STAGES[graph.stage]}`,
    {
      details: { expected, stage: graph.stage },
    },
  );
}
