import { OctavoError } from '@octavo/core';
import { readSafetensors } from '@octavo/core/node';
import {
  compareActivations,
  compareDebug,
  compareShadow,
  compareWeights,
  type Feeds,
  type Graph,
  renderDebugComparison,
} from '@octavo/graph';
import { type ComparisonRow, comparisonJson, renderComparison, renderComparisonHtml } from '@octavo/observers';
import { openGraph } from '../models/open-graph.js';
import { loadNativeBackend } from '../native-backend.js';
import { checkWritable, writeWhole } from '../output-file.js';
import { append } from './arguments.js';
import type { DefineCommand } from './command.js';
import { feedsOf } from './feeds.js';

interface CompareFlags {
  data: string[];
  json?: string;
  report?: string;
  worstFirst?: true;
}

/** `octavo compare`: where a quantized graph leaves the float graph it was made from. */
export const defineCompare: DefineCommand = (program, io) => {
  program
    .command('compare')
    .description('Compare a quantized graph with its float graph: weights, activations and each node alone.')
    .argument('<float>', 'saved float graph or ONNX model; a debug graph to see which nodes differ in bits')
    .argument('<int8>', 'saved graph that was quantized from it')
    .option('--data <file>', 'safetensors file with a batch of inputs, by name; may be given again', append, [])
    .option('--worst-first', 'print the lowest SQNR first')
    .option('--json <file>', 'write the result as JSON')
    .option('--report <file>', 'write the result as an HTML page with plots')
    .action(async (first: string, second: string, { data, json, report, worstFirst }: CompareFlags) => {
      if (json !== undefined) await checkWritable(json, '--json');
      if (report !== undefined) await checkWritable(report, '--report');
      await loadNativeBackend();
      const [float, int8] = [await openGraph(first), await openGraph(second)];
      const batches = (): AsyncGenerator<Feeds> => read(data, float);
      if (float.stage === 'debug') {
        if (report !== undefined) {
          throw new OctavoError('INVALID_ARGUMENT', '--report: a comparison of bits has no page; leave it out');
        }
        const result = await compareDebug(float, int8, batches(), { signal: io.signal });
        if (json !== undefined) await writeWhole(json, `${JSON.stringify(result, null, 2)}\n`);
        io.out(`${renderDebugComparison(result)}\n`);
        return;
      }
      checkFloat(float, first);
      const options = { signal: io.signal };
      const rows = [
        ...(data.length === 0 ? [] : await compareActivations(float, int8, batches(), options)),
        ...(data.length === 0 ? [] : await compareShadow(float, int8, batches(), options)),
        ...compareWeights(float, int8),
      ];
      if (json !== undefined) await writeWhole(json, comparisonJson(rows));
      if (report !== undefined) await writeWhole(report, renderComparisonHtml(rows, { title: `${first}, ${second}` }));
      io.out(`${tables(rows, worstFirst === true)}\n`);
    });
};

/** One batch after another, read when its turn comes. */
async function* read(files: readonly string[], graph: Graph): AsyncGenerator<Feeds> {
  for (const file of files) yield feedsOf(graph.inputNames, (await readSafetensors(file)).tensors, file);
}

function checkFloat({ stage }: Graph, file: string): void {
  if (stage === 'float') return;
  throw new OctavoError('INVALID_ARGUMENT', `${file}: expected a float or debug graph, got a ${stage} one`);
}

/** A table for each kind of row: what is alike stands together. */
function tables(rows: readonly ComparisonRow[], worstFirst: boolean): string {
  const groups = [['activation', 'output'], ['shadow'], ['weight']].map((kinds) =>
    rows.filter(({ kind }) => kinds.includes(kind)),
  );
  const order = worstFirst ? 'worst' : 'given';
  const texts = groups.filter(({ length }) => length > 0).map((group) => renderComparison(group, { order }));
  return texts.length === 0 ? renderComparison([]) : texts.join('\n\n');
}
