import * as eager from '@octavo/eager';
import * as graph from '@octavo/graph';
import type { QConfig } from '@octavo/observers';
import type { GraphForm } from './graph-file.js';
import type { Mode, ModeTable } from './modes.js';
import { eagerRunner, graphRunner } from './runners.js';

/** The forms of a text classifier's float graph, and what makes them; each is a graph of its own. */
export const DYNAMIC_FORMS: Readonly<Record<GraphForm, (float: graph.Graph, qconfig: QConfig | null) => graph.Graph>> =
  {
    float: (float) => float.clone(),
    graph: (float, qconfig) => graph.quantizeDynamic(float, mapping(qconfig)),
    debug: (float, qconfig) => graph.quantizeDynamic(float, mapping(qconfig), { debug: true }),
  };

const mapping = (qconfig: QConfig | null) => ({ '': qconfig });

const graphMode = (form: GraphForm): Mode => ({
  quantized: form !== 'float',
  open: async (model, { qconfig, exampleInputs }) =>
    graphRunner(DYNAMIC_FORMS[form](graph.trace(model, exampleInputs), qconfig)),
});

/** How text classifiers are run: quantized dynamically, so that no mode calibrates. */
export const DYNAMIC_MODES: ModeTable = {
  float: graphMode('float'),
  eager: {
    quantized: true,
    open: async (model, { qconfig }) => eagerRunner(eager.quantizeDynamic(model, mapping(qconfig))),
  },
  graph: graphMode('graph'),
  debug: graphMode('debug'),
};
