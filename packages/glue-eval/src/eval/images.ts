import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OctavoError, type Tensor } from '@octavo/core';
import type { ImageTask } from '../tasks/task.js';
import { chooseCalibration } from './calibration.js';
import { ImageBatches } from './image-batches.js';
import { type ImageSource, openImageSource } from './image-source.js';
import type { CheckedOptions, EvaluationProgress } from './options.js';
import { presetOf } from './qconfigs.js';
import { rowName } from './row-name.js';
import type { Runner } from './runner.js';
import type { Row, Workload } from './workload.js';

/** Multiply-adds, over all passes, that the TypeScript reference is given unasked: well below a minute. */
const REFERENCE_MULTIPLY_ADDS = 1.5e9;
/** However long it takes, so many images there are at least. */
const FEWEST_IMAGES = 2;

/** Opens an image classifier and the images to evaluate it on. */
export async function openImages(options: CheckedOptions, slow: boolean): Promise<Workload> {
  const task = options.task as ImageTask;
  const { scheme } = task.defaults;
  const data = await task.load(options.data, options.split);
  const model = await openImageSource(options);
  checkClasses(model, data.classes, options);
  const { rows } = model;
  const few = slow ? fewest(model.perImage, rows.length + 1) : Number.POSITIVE_INFINITY;
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
    const file = (): Promise<string> => saved.file(row);
    if (row.reloaded) return model.load(row, await file());
    const name = `${rowName(row)}, calibration`;
    const total = calibration.files.length;
    const runner = await model.open(row, {
      qconfig: row.qconfig === null ? null : presetOf(scheme, row.qconfig).qconfig,
      calibration: calibrate((done) => onProgress({ name, done, total })),
    });
    if (rows.some(({ mode, qconfig, reloaded }) => reloaded && mode === row.mode && qconfig === row.qconfig)) {
      await runner.save(await file());
    }
    return runner;
  };

  return {
    rows,
    hasFloat: model.hasFloat,
    classes: model.classes,
    labels: examples.map(({ label }) => label),
    notes: [
      ...model.notes,
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
    multiplyAdds: ({ coverage }) => model.multiplyAdds(coverage),
    close: () => saved.remove(),
  };
}

function fewest(perImage: number, passes: number): number {
  return Math.max(FEWEST_IMAGES, Math.floor(REFERENCE_MULTIPLY_ADDS / (perImage * passes)));
}

function slowNote(taken: number, all: number): string {
  return (
    `the native kernels are not in use and the TypeScript reference backend is slow, so only the first ${taken} of ${all} ` +
    `examples were taken; --limit ${all} takes all`
  );
}

function checkClasses(model: ImageSource, classes: readonly string[], { model: name, data }: CheckedOptions): void {
  if (model.classes === classes.length) return;
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `model ${name} has ${model.classes} classes, but ${join(data, 'synsets.txt')} names ${classes.length}; take a model that ` +
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
