import { OctavoError } from '@octavo/core';
import {
  calibrate,
  convert,
  coverage,
  type Graph,
  graphSizeBytes,
  prepare,
  prepareDynamic,
  renderAccuracyReport,
  saveGraph,
} from '@octavo/graph';
import { PerRowMinMaxObserver, type QConfigDict, renderCoverage } from '@octavo/observers';
import { parseCalibration } from '../eval/calibration.js';
import type { SchemeName } from '../eval/evaluation.js';
import { presetOf, QCONFIG_NAMES } from '../eval/qconfigs.js';
import { loadNativeBackend } from '../native-backend.js';
import { checkWritable, writeWhole } from '../output-file.js';
import { quantizeForTask } from '../quantize/accuracy.js';
import { type FloatModel, openFloatModel } from '../quantize/float-model.js';
import { IMPROVERS, improve, improversOf } from '../quantize/improvers.js';
import { TASKS } from '../tasks/registry.js';
import type { Task } from '../tasks/task.js';
import { unknownName } from '../unknown-name.js';
import { append, nonNegative, positiveInteger } from './arguments.js';
import type { DefineCommand } from './command.js';

interface QuantizeFlags {
  out: string;
  scheme?: string;
  qconfig?: string;
  calibrate?: string;
  improve?: string;
  skip: string[];
  batch: number;
  weights?: string;
  tokenizer?: string;
  preprocess?: string;
  maxDrop?: number;
  task?: string;
  data?: string;
  limit?: number;
  json?: string;
}

const SCHEMES: readonly SchemeName[] = ['dynamic', 'static'];

/** What a model is quantized by where nobody says otherwise. */
const DEFAULTS: Readonly<Record<Task['kind'], { readonly scheme: SchemeName } & Readonly<Record<SchemeName, string>>>> =
  {
    'sentence-pair': { scheme: 'dynamic', dynamic: 'perRow', static: 'staticTransformer' },
    image: { scheme: 'static', dynamic: 'perRow', static: 'staticImage' },
  };

/** `octavo quantize`: a float model becomes one file with an int8 graph. */
export const defineQuantize: DefineCommand = (program, io) => {
  program
    .command('quantize')
    .description('Quantize a model to int8 and save it as one file.')
    .argument('<model>', 'Hugging Face folder, folder or name of an image model, ONNX model, or saved float graph')
    .requiredOption('--out <file>', 'file to write, such as model.octavo')
    .option('--scheme <name>', 'dynamic or static (default: dynamic for text, static for images)')
    .option(
      '--qconfig <name>',
      `dynamic: one of ${QCONFIG_NAMES.dynamic.join(', ')} (default: perRow); static: one of ` +
        `${QCONFIG_NAMES.static.join(', ')} (default: staticTransformer for text, staticImage for images)`,
    )
    .option(
      '--calibrate <folder[:n]>',
      'static: examples to take ranges from, all or the first n: a folder with images, or with pairs of sentences as in GLUE',
    )
    .option(
      '--improve <names>',
      `what is to lose less, with commas between: ${IMPROVERS.map(({ name, summary }) => `${name} (${summary})`).join(', ')}; ` +
        'or none (default: smoothQuant with staticTransformer, biasCorrection with staticImage)',
    )
    .option('--skip <name>', 'a module that stays float, such as bert.pooler; may be given again', append, [])
    .option('--batch <n>', 'examples in a batch', positiveInteger, 8)
    .option('--weights <file>', 'weights of an image model: safetensors, or a .pth state dict')
    .option('--tokenizer <dir>', 'folder with tokenizer.json (default: the model)')
    .option('--preprocess <model>', 'image model whose preprocessing a graph has (default: config.json beside it)')
    .option('--max-drop <points>', 'static: give float back until the metric has lost no more than that', nonNegative)
    .option('--task <name>', `with --max-drop: ${TASKS.map(({ name }) => name).join(', ')}`)
    .option('--data <dir>', "with --max-drop: folder with the task's data")
    .option('--limit <n>', 'with --max-drop: take the first n examples', positiveInteger)
    .option('--json <file>', 'with --max-drop: write the path taken as JSON')
    .action(async (path: string, flags: QuantizeFlags) => {
      await checkWritable(flags.out, '--out');
      if (flags.json !== undefined) await checkWritable(flags.json, '--json');
      checkGoal(flags);
      await loadNativeBackend();
      const model = await openFloatModel(path, {
        weights: flags.weights ?? null,
        tokenizer: flags.tokenizer ?? null,
        preprocess: flags.preprocess ?? null,
      });
      for (const note of model.notes) io.err(`Note: ${note}\n`);
      const before = graphSizeBytes(model.graph);
      const quantized = await quantizeModel(model, flags, {
        signal: io.signal,
        say: (text) => io.out(`${text}\n\n`),
        log: (text) => io.err(`${text}\n`),
      });
      await saveGraph(quantized, flags.out);
      const after = graphSizeBytes(quantized);
      io.out(`${renderCoverage(coverage(quantized))}\n\n`);
      io.out(`${flags.out}: ${megabytes(after)} (float: ${megabytes(before)})\n`);
    });
};

interface Surroundings {
  readonly signal: AbortSignal;
  /** Part of the result. */
  say(text: string): void;
  log(text: string): void;
}

async function quantizeModel(
  model: FloatModel,
  flags: QuantizeFlags,
  { signal, say, log }: Surroundings,
): Promise<Graph> {
  const defaults = DEFAULTS[model.kind];
  const scheme = (flags.scheme ?? defaults.scheme) as SchemeName;
  if (!SCHEMES.includes(scheme)) throw unknownName('scheme', scheme, SCHEMES);
  const preset = presetOf(scheme, flags.qconfig ?? defaults[scheme]);
  const qconfigDict: QConfigDict = {
    '': preset.qconfig,
    ...Object.fromEntries(flags.skip.map((name) => [name, null])),
  };
  const improvers = improversOf(flags.improve, preset.name);
  checkScheme(scheme, flags, improvers);
  const source = flags.calibrate === undefined ? null : parseCalibration(flags.calibrate);
  // Padding must count in no range, so that sentences come one by one.
  const batches = source && (await model.calibration(source, model.kind === 'image' ? flags.batch : 1));
  const isPerRow = preset.qconfig.activation.observerClass.typeName === PerRowMinMaxObserver.typeName;
  const improved = improve(improvers, batches, { ranges: isPerRow ? 'row' : 'tensor', signal, log });
  const float = await improved.float(model.graph);
  if (scheme === 'dynamic') return convert(await improved.prepared(prepareDynamic(float, qconfigDict)));
  if (source === null || batches === null) {
    throw invalid('--scheme static takes its ranges from examples; name a folder of them with --calibrate FOLDER[:N]');
  }
  if (flags.maxDrop === undefined) {
    const options = { signal, onProgress: (done: number) => log(`calibration: ${done} batches`) };
    return convert(await improved.prepared(await calibrate(prepare(float, qconfigDict), batches, options)));
  }
  const { graph, report } = await quantizeForTask(
    { ...model, graph: float },
    {
      maxDrop: flags.maxDrop,
      task: flags.task as string,
      data: flags.data as string,
      limit: flags.limit ?? null,
      calibrate: source,
      batch: flags.batch,
      qconfigDict,
      improve: improved.prepared,
      signal,
      onTrial: ({ metric, drop, group }) =>
        log(
          `${group === null ? 'all int8' : `${group.activation} float`}: ${metric.toFixed(2)}, drop ${drop.toFixed(2)}`,
        ),
    },
  );
  say(renderAccuracyReport(report));
  if (flags.json !== undefined) await writeWhole(flags.json, `${JSON.stringify(report, null, 2)}\n`);
  return graph;
}

const FLAG = {
  calibrate: '--calibrate',
  maxDrop: '--max-drop',
  task: '--task',
  data: '--data',
  limit: '--limit',
  json: '--json',
} as const;

/** Dynamic quantization looks at no examples, unless an improver does. */
function checkScheme(scheme: SchemeName, flags: QuantizeFlags, improvers: ReturnType<typeof improversOf>): void {
  if (scheme === 'static') return;
  const belongs = (option: 'calibrate' | 'maxDrop') =>
    invalid(`${FLAG[option]} belongs to --scheme static; leave it out`);
  if (flags.maxDrop !== undefined) throw belongs('maxDrop');
  if (flags.calibrate !== undefined && !improvers.some(({ learns }) => learns)) throw belongs('calibrate');
}

/** --max-drop and what it measures by come together. */
function checkGoal(flags: QuantizeFlags): void {
  if (flags.maxDrop === undefined) {
    const alone = (['task', 'data', 'limit', 'json'] as const).find((option) => flags[option] !== undefined);
    if (alone !== undefined)
      throw invalid(`${FLAG[alone]} belongs to --max-drop; leave it out, or say how much may be lost`);
    return;
  }
  const missing = (['task', 'data'] as const).find((option) => flags[option] === undefined);
  if (missing !== undefined) throw invalid(`--max-drop measures a task: give ${FLAG[missing]} as well`);
}

function invalid(message: string): OctavoError {
  return new OctavoError('INVALID_ARGUMENT', message);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
