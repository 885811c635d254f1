import { coverage, graphSizeBytes, quantizeDynamic, saveGraph } from '@octavo/graph';
import { renderCoverage } from '@octavo/observers';
import { traceClassifier } from '../eval/modes.js';
import { DYNAMIC_QCONFIGS, dynamicPreset } from '../eval/qconfigs.js';
import { openPretrained } from '../models/huggingface.js';
import { loadNativeBackend } from '../native-backend.js';
import { checkWritable } from '../output-file.js';
import { list } from './arguments.js';
import type { DefineCommand } from './command.js';

interface QuantizeFlags {
  model: string;
  output: string;
  qconfig: string;
  keepFloat: string[];
}

/** Tokens in a pair of sentences, for the share of multiply-adds that attention has. */
const TYPICAL_LENGTH = 64;

/** `octavo quantize`: a Hugging Face folder becomes one file with a dynamically quantized graph. */
export const defineQuantize: DefineCommand = (program, io) => {
  program
    .command('quantize')
    .description('Quantize a model to int8 (dynamic scheme) and save it as one file.')
    .requiredOption('--model <dir>', 'Hugging Face folder')
    .requiredOption('--output <file>', 'file to write, such as model.safetensors')
    .option('--qconfig <name>', `one of ${DYNAMIC_QCONFIGS.join(', ')}`, 'perRow')
    .option('--keep-float <list>', 'modules that stay float, such as classifier,bert.pooler', list, [])
    .action(async ({ model, output, qconfig, keepFloat }: QuantizeFlags) => {
      const chosen = dynamicPreset(qconfig).qconfig;
      await checkWritable(output, '--output');
      await loadNativeBackend();
      const { build, config } = await openPretrained(model);
      const float = traceClassifier(build(), Math.min(TYPICAL_LENGTH, config.maxPositions));
      const before = graphSizeBytes(float);
      const kept = Object.fromEntries(keepFloat.map((name) => [name, null]));
      const quantized = quantizeDynamic(float, { '': chosen, ...kept });
      await saveGraph(quantized, output);
      const after = graphSizeBytes(quantized);
      io.out(`${renderCoverage(coverage(quantized))}\n\n`);
      io.out(`${output}: ${megabytes(after)} (float: ${megabytes(before)})\n`);
    });
};

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
