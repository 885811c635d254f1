import { stat } from 'node:fs/promises';
import { coverage, type Graph, graphSizeBytes, type QParamsRow, qparamsOf, toDot, toHtml } from '@octavo/graph';
import { renderCoverage } from '@octavo/observers';
import { openPretrained } from '../models/huggingface.js';
import { openGraph } from '../models/open-graph.js';
import { checkWritable, writeWhole } from '../output-file.js';
import type { DefineCommand } from './command.js';

interface InspectFlags {
  graph: boolean;
  dot?: string;
  html?: string;
}

/** `octavo inspect`: what is in a graph, or in a Hugging Face folder. */
export const defineInspect: DefineCommand = (program, io) => {
  program
    .command('inspect')
    .description('Show what a model is made of: what is int8 and why not, scales and zero points, every node.')
    .argument('<path>', 'saved graph, ONNX model, or Hugging Face folder')
    .option('--no-graph', 'leave the nodes of a graph out')
    .option('--dot <file>', 'draw a graph for Graphviz')
    .option('--html <file>', 'draw a graph as an HTML page')
    .action(async (path: string, { graph: nodes, dot, html }: InspectFlags) => {
      if (dot !== undefined) await checkWritable(dot, '--dot');
      if (html !== undefined) await checkWritable(html, '--html');
      const found = await stat(path).catch(() => null);
      const isFile = found?.isFile() === true;
      if (!isFile && dot === undefined && html === undefined) return io.out(await describeFolder(path));
      const graph = await openGraph(path);
      if (dot !== undefined) await writeWhole(dot, toDot(graph));
      if (html !== undefined) await writeWhole(html, toHtml(graph));
      io.out(describeGraph(graph, nodes));
    });
};

function describeGraph(graph: Graph, nodes: boolean): string {
  const facts = [
    `${graph.name}, ${graph.stage}, ${(graphSizeBytes(graph) / 1e6).toFixed(1)} MB`,
    `inputs: ${graph.inputNames.join(', ')}`,
    `outputs: ${graph.outputNames.join(', ')}`,
  ];
  const rows = qparamsOf(graph);
  const parts = [
    facts.join('\n'),
    renderCoverage(coverage(graph)),
    ...(rows.length === 0 ? [] : [qparamsTable(rows)]),
    ...(nodes ? [graph.print().trimEnd()] : []),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** A line for each tensor of codes whose scale is known beforehand. */
function qparamsTable(rows: readonly QParamsRow[]): string {
  const cells = rows.map(({ value, scope, role, dtype, scales, zeroPoints, axis }) => [
    value,
    scope,
    role,
    dtype,
    axis === null ? significantScale(scales[0] as number) : `${scales.length} scales, ${rangeOf(scales)}`,
    axis === null ? `zero point ${zeroPoints[0]}` : `axis ${axis}`,
  ]);
  const widths = [0, 1, 2, 3, 4].map((i) => Math.max(...cells.map((row) => (row[i] as string).length)));
  return cells
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function rangeOf(scales: ArrayLike<number>): string {
  const sorted = Array.from(scales).sort((a, b) => a - b);
  return `${significantScale(sorted[0] as number)} to ${significantScale(sorted.at(-1) as number)}`;
}

function significantScale(scale: number): string {
  return String(Number(scale.toPrecision(6)));
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
