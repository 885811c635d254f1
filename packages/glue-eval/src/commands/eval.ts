import { evaluate } from '../eval/evaluate.js';
import { QCONFIG_NAMES } from '../eval/qconfigs.js';
import { checkWritable, writeWhole } from '../output-file.js';
import { progressReporter } from '../progress.js';
import { renderHtml } from '../report/html.js';
import { renderJson } from '../report/json.js';
import { renderText } from '../report/text-table.js';
import { TASKS } from '../tasks/registry.js';
import { list, positiveInteger } from './arguments.js';
import type { DefineCommand } from './command.js';

interface EvalFlags {
  model: string;
  task: string;
  data: string;
  split?: string;
  mode?: string[];
  scheme?: string;
  qconfig?: string[];
  limit?: number;
  batch?: number;
  maxLength?: number;
  tokenizer?: string;
  weights?: string;
  calibrate?: string;
  preprocess?: string;
  json?: string;
  report?: string;
}

const QCONFIG_HELP =
  `text: of ${QCONFIG_NAMES.dynamic.join(', ')} (default: perRow); ` +
  `images: of ${QCONFIG_NAMES.static.join(', ')} (default: staticImage)`;

/** `octavo eval`: accuracy, size and speed of a model, float and int8, side by side. */
export const defineEval: DefineCommand = (program, io) => {
  program
    .command('eval')
    .description('Evaluate a model on a task: accuracy, size and speed, float and int8 side by side.')
    .requiredOption(
      '--model <path>',
      'folder with config.json and model.safetensors, or a graph that `octavo quantize` saved, or an ONNX model of text, or an image model by name',
    )
    .requiredOption('--task <name>', `task: ${TASKS.map(({ name }) => name).join(', ')}`)
    .requiredOption(
      '--data <dir>',
      'folder with the data: dev.tsv or Parquet files; synsets.txt and val/<synset>/ for images',
    )
    .option('--split <name>', "split of the data (default: the task's, dev or val)")
    .option('--mode <list>', 'of float, eager, graph, debug (default: all but debug)', list)
    .option('--scheme <name>', "quantization scheme: the task's, dynamic for text, static for images")
    .option('--qconfig <list>', QCONFIG_HELP, list)
    .option('--limit <n>', 'take the first n examples', positiveInteger)
    .option('--batch <n>', 'examples in a batch (default: 8)', positiveInteger)
    .option('--max-length <n>', 'tokens in an example (default: 128, or what the model takes)', positiveInteger)
    .option('--tokenizer <dir>', 'folder with tokenizer.json (default: the model)')
    .option('--weights <file>', 'weights of an image model: safetensors, or a .pth state dict')
    .option('--calibrate <folder[:n]>', 'images to calibrate with, the first n by name (default: 64 of the data)')
    .option('--preprocess <model>', 'image model whose preprocessing a graph has (default: config.json beside it)')
    .option('--json <file>', 'write the result as JSON')
    .option('--report <file>', 'write the result as an HTML page')
    .action(async ({ mode, qconfig, json, report, ...flags }: EvalFlags) => {
      if (json !== undefined) await checkWritable(json, '--json');
      if (report !== undefined) await checkWritable(report, '--report');
      const progress = progressReporter({ terminal: io.terminal, line: (text) => io.err(`${text}\n`) });
      try {
        const evaluation = await evaluate({
          ...flags,
          ...(mode === undefined ? {} : { modes: mode }),
          ...(qconfig === undefined ? {} : { qconfigs: qconfig }),
          signal: io.signal,
          onProgress: progress.report,
        });
        progress.stop();
        if (json !== undefined) await writeWhole(json, renderJson(evaluation));
        if (report !== undefined) await writeWhole(report, renderHtml(evaluation));
        io.out(renderText(evaluation));
      } finally {
        progress.stop();
      }
    });
};
