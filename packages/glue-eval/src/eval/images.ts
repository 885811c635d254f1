import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OctavoError, Tensor } from '@octavo/core';
import { type ImageModel, openImageModel } from '../models/image/open-image-model.js';
import type { ImageTask } from '../tasks/task.js';
import { chooseCalibration } from './calibration.js';
import { ImageBatches } from './image-batches.js';
import { countMultiplyAdds, shareOf } from './image-multiply-adds.js';
import { MODES, type Mode } from './modes.js';
import type { CheckedOptions, EvaluationProgress } from './options.js';
import { presetOf } from './qconfigs.js';
import { rowName } from './row-name.js';
import { rowsOf } from './rows.js';
import type { Runner } from './runner.js';
import type { Row, Workload } from './workload.js';

/** Multiply-adds, over all passes, that the TypeScript reference is given unasked: well below a minute. */
const REFERENCE_MULTIPLY_ADDS = 1.5e9;
/** However long it takes, so many images there are at least. */
const FEWEST_IMAGES = 2;

/** Side of an image to find out what a network does: those here take any size. */
const EXAMPLE_SIZE = 32;

/** Opens an image classifier and the images to evaluate it on. */
export async function openImages(options: CheckedOptions, slow: boolean): Promise<Workload> {
  const task = options.task as ImageTask;
  const { scheme } = task.defaults;
  const data = await task.load(options.data, options.split);
  const model = await openImageModel(options.model, options.weights);
  checkClasses(model, data.classes, options);
  const { size } = model.preprocess;
  const counts = countMultiplyAdds(model.build(), Tensor.zeros([1, 3, size, size]));
  const rows = rowsOf(options);
  const few = slow ? fewest(counts, rows.length + 1) : Number.POSITIVE_INFINITY;
  const examples = data.examples.slice(0, options.limit ?? few);
  const calibration = rows.some(({ qconfig }) => qconfig !== null)
    ? await chooseCalibration(options.calibrate, data.examples, few)
    : { files: [] };
  const calibrationBatches = new ImageBatches(calibration.files, options.batch, model.preprocess);
  const saved = new SavedForms();

  async function* calibrate(report: (done: number) => void): AsyncGenerator<readonly Tensor[]> {
    report(0);
    let done = 0;
    for await (const { inputs, size: count } of calibrationBatches) {
      checkSignal(options.signal);
      yield inputs;
      done += count;
      report(done);
    }
  }

  const open = async (row: Row, onProgress: (event: EvaluationProgress) => void): Promise<Runner> => {
    const mode = MODES[scheme][row.mode] as Mode;
    if (row.reloaded) return (mode.load as NonNullable<Mode['load']>)(await saved.file(row));
    const name = `${rowName(row)}, calibration`;
    const total = calibration.files.length;
    const runner = await mode.open(model.build(), {
      qconfig: row.qconfig === null ? null : presetOf(scheme, row.qconfig).qconfig,
      exampleInputs: { images: Tensor.zeros([1, 3, EXAMPLE_SIZE, EXAMPLE_SIZE]) },
      calibration: calibrate((done) => onProgress({ name, done, total })),
    });
    if (mode.load !== undefined) await runner.save(await saved.file(row));
    return runner;
  };

  return {
    rows,
    hasFloat: true,
    classes: model.classes,
    labels: examples.map(({ label }) => label),
    notes: [
      ...(model.note === undefined ? [] : [model.note]),
      ...(calibration.note === undefined ? [] : [calibration.note]),
      ...(options.limit === null && examples.length < data.examples.length
        ? [slowNote(examples.length, data.examples.length)]
        : []),
    ],
    batches: new ImageBatches(
      examples.map(({ file }) => file),
      options.batch,
      model.preprocess,
    ),
    open,
    multiplyAdds: ({ coverage }) => shareOf(counts, coverage),
    close: () => saved.remove(),
  };
}

function fewest(counts: ReadonlyMap<string, number>, passes: number): number {
  const perImage = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return Math.max(FEWEST_IMAGES, Math.floor(REFERENCE_MULTIPLY_ADDS / (perImage * passes)));
}

function slowNote(taken: number, all: number): string {
  return (
    `the native kernels are not in use and the TypeScript reference backend is slow, so only the first ${taken} of ${all} ` +
    `examples were taken; --limit ${all} takes all`
  );
}

function checkClasses(model: ImageModel, classes: readonly string[], { data }: CheckedOptions): void {
  if (model.classes === classes.length) return;
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `model ${model.name} has ${model.classes} classes, but ${join(data, 'synsets.txt')} names ${classes.length}; take a model that ` +
      'was trained for these classes',
  );
}

function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new OctavoError('ABORTED', '[evaluate] aborted by its signal', { cause: signal.reason });
}

/** Files that rows are saved in to be loaded again, in a folder of their own. */
class SavedForms {
  private folder: string | null = null;

  async file({ mode, qconfig }: Row): Promise<string> {
    this.folder ??= await mkdtemp(join(tmpdir(), 'octavo-eval-'));
    return join(this.folder, `${mode}-${qconfig}.safetensors`);
  }

  async remove(): Promise<void> {
    if (this.folder !== null) await rm(this.folder, { recursive: true, force: true });
  }
}
