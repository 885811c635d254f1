import { stat } from 'node:fs/promises';
import { coverage, type Graph, graphSizeBytes, loadGraph } from '@octavo/graph';
import { renderCoverage } from '@octavo/observers';
import { openPretrained } from '../models/huggingface.js';
import type { DefineCommand } from './command.js';

/** `octavo inspect`: what is in a saved graph, or in a Hugging Face folder. */
export const defineInspect: DefineCommand = (program, io) => {
  program
    .command('inspect')
    .description('Show what a model is made of.')
    .argument('<path>', 'saved graph, or Hugging Face folder')
    .option('--no-graph', 'leave the nodes of a saved graph out')
    .action(async (path: string, { graph: nodes }: { graph: boolean }) => {
      const found = await stat(path).catch(() => null);
      io.out(found?.isFile() ? describeGraph(await loadGraph(path), nodes) : await describeFolder(path));
    });
};

function describeGraph(graph: Graph, nodes: boolean): string {
  const facts = [
    `${graph.name}, ${graph.stage}, ${(graphSizeBytes(graph) / 1e6).toFixed(1)} MB`,
    `inputs: ${graph.inputNames.join(', ')}`,
    `outputs: ${graph.outputNames.join(', ')}`,
  ];
  const parts = [facts.join('\n'), renderCoverage(coverage(graph)), ...(nodes ? [graph.print().trimEnd()] : [])];
  return `${parts.join('\n\n')}\n`;
}

async function describeFolder(dir: string): Promise<string> {
  const { architecture, config, weights, build } = await openPretrained(dir);
  const facts = [
    `${architecture}, ${(weights / 1e6).toFixed(1)} million weights, ${((weights * 4) / 1e6).toFixed(1)} MB as float32`,
    `labels: ${config.labels.join(', ')}`,
    `longest input: ${config.maxPositions} tokens`,
  ];
  return `${facts.join('\n')}\n\n${build().toString()}\n`;
}
