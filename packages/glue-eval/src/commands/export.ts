import { exportOnnx, loadGraph } from '@octavo/graph';
import { checkWritable } from '../output-file.js';
import type { DefineCommand } from './command.js';

/** `octavo export`: a saved graph as an ONNX model. */
export const defineExport: DefineCommand = (program, io) => {
  program
    .command('export')
    .description('Write a saved graph as an ONNX model, for ONNX Runtime and transformers.js.')
    .argument('<graph>', 'file that `octavo quantize` saved')
    .requiredOption('--out <file>', 'ONNX model to write')
    .option(
      '--external-data',
      'put the weights into a file beside the model, <file>.data (default: only from 1.9 GB on)',
    )
    .action(async (file: string, { out, externalData }: { out: string; externalData?: boolean }) => {
      await checkWritable(out, '--out');
      const size = await exportOnnx(await loadGraph(file), out, externalData ? { externalDataFrom: 0 } : {});
      io.out(`${out}: ${(size / 1e6).toFixed(1)} MB\n`);
    });
};
