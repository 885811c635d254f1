import { coverage, graphSizeBytes, quantizeDynamic, saveGraph, trace } from '@octavo/graph';
import { renderCoverage } from '@octavo/observers';
import { presetOf, QCONFIG_NAMES } from '../eval/qconfigs.js';
import { openPretrained } from '../models/huggingface.js';
import { exampleInputs } from '../models/inputs.js';
import { loadNativeBackend } from '../native-backend.js';
import { checkWritable } from '../output-file.js';
import { append } from './arguments.js';
import type { DefineCommand } from './command.js';

interface QuantizeFlags {
  out: string;
  qconfig: string;
  skip: string[];
}

/** Tokens in a pair of sentences, for the share of multiply-adds that attention has. */
const TYPICAL_LENGTH = 64;

/** `octavo quantize`: a Hugging Face folder becomes one file with a dynamically quantized graph. */
export const defineQuantize: DefineCommand = (program, io) => {
  program
    .command('quantize')
    .description('Quantize a model to int8 (dynamic scheme) and save it as one file.')
    .argument('<model>', 'Hugging Face folder')
    .requiredOption('--out <file>', 'file to write, such as model.octavo')
    .option('--qconfig <name>', `one of ${QCONFIG_NAMES.dynamic.join(', ')}`, 'perRow')
    .option('--skip <name>', 'a module that stays float, such as bert.pooler; may be given again', append, [])
    .action(async (model: string, { out, qconfig, skip }: QuantizeFlags) => {
      const chosen = presetOf('dynamic', qconfig).qconfig;
      await checkWritable(out, '--out');
      await loadNativeBackend();
      const { build, config } = await openPretrained(model);
      const float = trace(build(), exampleInputs(Math.min(TYPICAL_LENGTH, config.maxPositions)));
      const before = graphSizeBytes(float);
      const kept = Object.fromEntries(skip.map((name) => [name, null]));
      const quantized = quantizeDynamic(float, { '': chosen, ...kept });
      await saveGraph(quantized, out);
      const after = graphSizeBytes(quantized);
      io.out(`${renderCoverage(coverage(quantized))}\n\n`);
      io.out(`${out}: ${megabytes(after)} (float: ${megabytes(before)})\n`);
    });
};

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
