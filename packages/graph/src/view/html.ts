import { escapeHtml } from '@octavo/observers';
import type { Graph } from '../ir/graph.js';
import { coverage } from '../quantize/coverage.js';
import { COLOURS, type DrawnNode, drawnNodes, type Precision } from './node-precision.js';

const ROW = 30;
const LANE = 9;
/** Arcs that find no free lane share the last one. */
const MAX_LANES = 60;

/**
 * The graph as one HTML page that opens offline: a line a node, coloured as by `toDot`, with arcs from each node to
 * those that read it and are not the next.
 */
export function toHtml(graph: Graph): string {
  const nodes = drawnNodes(graph);
  const arcs = arcsOf(nodes);
  const width = 24 + LANE * Math.max(0, ...arcs.map(({ lane }) => lane + 1));
  const rows = nodes.map((node, i) => rowOf(node, i)).join('\n');
  const paths = arcs
    .map(({ from, to, lane }) => {
      const [y1, y2, x] = [from * ROW + ROW / 2, to * ROW + ROW / 2, width - 12 - lane * LANE];
      return `<path d="M${width} ${y1} C${x} ${y1} ${x} ${y1} ${x} ${y1 + 8} L${x} ${y2 - 8} C${x} ${y2} ${x} ${y2} ${width} ${y2}"/>`;
    })
    .join('\n');
  const { int8Share } = coverage(graph);
  const legend = (Object.keys(COLOURS) as Precision[])
    .map((name) => `<span style="background:${COLOURS[name]}">${LEGEND[name]}</span>`)
    .join(' ');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(graph.name)}</title><style>
body { font: 13px/1.4 ui-monospace, monospace; margin: 1.5rem; color: #1c1c22; background: #fff }
h1 { font-size: 1.2rem } span { padding: .15rem .5rem; border-radius: .3rem }
#graph { position: relative; margin-left: ${width}px }
#graph svg { position: absolute; left: -${width}px; top: 0 } path { fill: none; stroke: #8a8a99 }
#graph div { height: ${ROW - 6}px; margin-bottom: 6px; padding: 0 .6rem; border-radius: .3rem; white-space: nowrap; overflow: hidden }
small { color: #555; margin-left: 1rem }
</style></head><body>
<h1>${escapeHtml(graph.name)} (${graph.stage})</h1>
<p>${legend} &nbsp; ${(int8Share * 100).toFixed(1)} % of the multiply-adds are int8</p>
<div id="graph"><svg width="${width}" height="${nodes.length * ROW}">
${paths}
</svg>
${rows}
</div></body></html>
`;
}

const LEGEND: Readonly<Record<Precision, string>> = {
  int8: 'int8',
  float: 'float',
  border: 'quantize or dequantize',
};

function rowOf({ id, title, scope, type, precision }: DrawnNode, i: number): string {
  const details = [scope, type].filter((text) => text !== '').map((text) => `<small>${escapeHtml(text)}</small>`);
  return `<div id="${id}" title="${i}: ${LEGEND[precision]}" style="background:${COLOURS[precision]}">${escapeHtml(title)}${details.join('')}</div>`;
}

interface Arc extends Span {
  /** Distance from the rows: arcs that overlap lie in different lanes. */
  readonly lane: number;
}

function arcsOf(nodes: readonly DrawnNode[]): Arc[] {
  const rows = new Map(nodes.map(({ id }, i) => [id, i]));
  const spans = nodes.flatMap(({ from }, to) =>
    from.map((id) => ({ from: rows.get(id) as number, to })).filter((span) => span.to - span.from > 1),
  );
  spans.sort((a, b) => a.to - a.from - (b.to - b.from));
  const lanes: Span[][] = [];
  return spans.map((span) => {
    let lane = lanes.findIndex((taken) => fits(span, taken));
    if (lane < 0) lane = lanes.length < MAX_LANES ? lanes.push([]) - 1 : MAX_LANES - 1;
    const taken = lanes[lane] as Span[];
    taken.splice(placeOf(span, taken), 0, span);
    return { ...span, lane };
  });
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Whether a span meets none of those in a lane, which lie in order. */
function fits(span: Span, taken: readonly Span[]): boolean {
  const at = placeOf(span, taken);
  const [before, after] = [taken[at - 1], taken[at]];
  return (before === undefined || before.to <= span.from) && (after === undefined || after.from >= span.to);
}

function placeOf({ from }: Span, taken: readonly Span[]): number {
  let [low, high] = [0, taken.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((taken[middle] as Span).from < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
