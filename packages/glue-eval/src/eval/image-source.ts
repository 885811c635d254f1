import { stat } from 'node:fs/promises';
import { OctavoError, Tensor } from '@octavo/core';
import { coverage, type Graph, loadGraph } from '@octavo/graph';
import type { CoverageReport } from '@octavo/observers';
import type { Preprocess } from '../image/preprocess.js';
import { exampleImages, openImageModel } from '../models/image/open-image-model.js';
import { preprocessOf } from '../models/image/preprocess-of.js';
import { isForeign, openGraph } from '../models/open-graph.js';
import type { ImageTask } from '../tasks/task.js';
import { type GraphForm, rowsOfGraph } from './graph-file.js';
import { countMultiplyAdds, shareOf } from './image-multiply-adds.js';
import { int8Share } from './int8-share.js';
import { MODES, type Mode, type ModeContext } from './modes.js';
import type { CheckedOptions } from './options.js';
import { rowsOf } from './rows.js';
import type { Runner } from './runner.js';
import { graphRunner } from './runners.js';
import { STATIC_FORMS } from './static-modes.js';
import type { MultiplyAdds, Row } from './workload.js';

/** Side of an image to find out what a network does: those here take any size. */
const EXAMPLE_SIZE = 32;

/** Where runners of an image classifier come from: a model that all modes can start from, or a graph. */
export interface ImageSource {
  readonly rows: readonly Row[];
  readonly hasFloat: boolean;
  readonly classes: number;
  readonly preprocess: Preprocess;
  readonly notes: readonly string[];
  /** Multiply-adds for one image, roughly. */
  readonly perImage: number;
  open(row: Row, context: Pick<ModeContext, 'qconfig' | 'calibration'>): Promise<Runner>;
  /** What a row's runner saved. */
  load(row: Row, file: string): Promise<Runner>;
  multiplyAdds(coverage: CoverageReport): MultiplyAdds;
}

/** Opens what `--model` names: a folder or a name, a saved graph, or an ONNX model. */
export async function openImageSource(options: CheckedOptions): Promise<ImageSource> {
  const found = await stat(options.model).catch(() => null);
  return found?.isFile() || isForeign(options.model) ? openFile(options) : openModel(options);
}

async function openModel(options: CheckedOptions): Promise<ImageSource> {
  if (options.preprocess !== null) throw refusal(options, 'preprocess', 'which has a way of its own');
  const model = await openImageModel(options.model, options.weights);
  const modes = MODES[(options.task as ImageTask).defaults.scheme];
  const counts = countMultiplyAdds(model.build(), exampleImages(model.preprocess.size).images as Tensor);
  return {
    rows: rowsOf(options),
    hasFloat: true,
    classes: model.classes,
    preprocess: model.preprocess,
    notes: model.note === undefined ? [] : [model.note],
    perImage: [...counts.values()].reduce((sum, count) => sum + count, 0),
    open: ({ mode }, context) =>
      (modes[mode] as Mode).open(model.build(), { ...context, exampleInputs: exampleImages(EXAMPLE_SIZE) }),
    load: ({ mode }, file) => ((modes[mode] as Mode).load as NonNullable<Mode['load']>)(file),
    multiplyAdds: (report) => shareOf(counts, report),
  };
}

async function openFile(options: CheckedOptions): Promise<ImageSource> {
  if (options.weights !== null) throw refusal(options, 'weights', 'a graph, which holds its own');
  const graph = await openGraph(options.model);
  const { preprocess, note } = await preprocessOf(options.model, options.preprocess);
  const { rows, hasFloat, isSource } = rowsOfGraph(graph, options);
  return {
    rows,
    hasFloat,
    classes: await classesOf(graph, options.model),
    preprocess,
    notes: note === undefined ? [] : [note],
    perImage: int8Share(coverage(graph)).all,
    open: async ({ mode }, context) =>
      graphRunner(isSource ? await STATIC_FORMS[mode as GraphForm](graph, context) : graph),
    load: async (_row, file) => graphRunner(await loadGraph(file)),
    multiplyAdds: int8Share,
  };
}

function refusal({ model }: CheckedOptions, option: string, why: string): OctavoError {
  return new OctavoError('INVALID_ARGUMENT', `--${option} is not for model ${model}, ${why}; leave it out`);
}

/** The columns of the logits, which only a run tells where dims are open. */
async function classesOf(graph: Graph, file: string): Promise<number> {
  const [input, ...others] = graph.inputs;
  const [output] = graph.outputNames;
  if (input?.type.kind !== 'tensor' || input.type.dtype !== 'float32' || others.length > 0 || output === undefined) {
    throw new OctavoError(
      'UNSUPPORTED',
      `${file}: expected a graph with one input, images as float32, and the scores of the classes as output, got the inputs ` +
        `${graph.inputNames.join(', ') || 'none'}; export the image classifier again`,
    );
  }
  const { [output]: logits } = await graph.runAsync({ [input.hint]: Tensor.zeros([1, 3, EXAMPLE_SIZE, EXAMPLE_SIZE]) });
  return logits?.dims.at(-1) ?? 0;
}
