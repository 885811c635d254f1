import { formatDims, type Tensor } from '@octavo/core';
import { readSafetensors, writeSafetensors } from '@octavo/core/node';
import { openGraph } from '../models/open-graph.js';
import { loadNativeBackend } from '../native-backend.js';
import { checkWritable } from '../output-file.js';
import type { DefineCommand } from './command.js';
import { feedsOf } from './feeds.js';

interface RunFlags {
  inputs: string;
  outputs?: string;
}

/** `octavo run`: a saved graph or an ONNX model on tensors from a file. */
export const defineRun: DefineCommand = (program, io) => {
  program
    .command('run')
    .description('Run a graph on tensors from a safetensors file.')
    .argument('<graph>', 'file that `octavo quantize` saved, or ONNX model')
    .requiredOption('--inputs <file>', 'safetensors file with one tensor for each input, by its name')
    .option('--outputs <file>', 'safetensors file for the outputs')
    .action(async (file: string, { inputs, outputs: target }: RunFlags) => {
      if (target !== undefined) await checkWritable(target, '--outputs');
      await loadNativeBackend();
      const graph = await openGraph(file);
      const { tensors } = await readSafetensors(inputs);
      const outputs = await graph.runAsync(feedsOf(graph.inputNames, tensors, inputs), { signal: io.signal });
      graph.dispose();
      if (target !== undefined) await writeSafetensors(target, outputs);
      for (const [name, tensor] of Object.entries(outputs)) io.out(`${name}: ${preview(tensor)}\n`);
    });
};

const PREVIEW = 8;

/** `float32 [8, 2] = 0.1, -2.5, ...`. */
function preview({ type, dims, data }: Tensor): string {
  const shown = Array.from(data.slice(0, PREVIEW) as Iterable<number | bigint>, (value) =>
    typeof value === 'number' ? String(Number(value.toPrecision(7))) : String(value),
  );
  return `${type} ${formatDims(dims)} = ${shown.join(', ')}${data.length > PREVIEW ? ', ...' : ''}`;
}
