import { type Bar, barChart } from '../html/bar-chart.js';
import { escapeHtml } from '../html/escape.js';
import { htmlPage } from '../html/page.js';
import { COMPARISON_COLUMNS, decibels } from './columns.js';
import type { ComparisonKind, ComparisonRow } from './comparison.js';
import { inOrder, type RowOrder } from './row-order.js';

export interface ComparisonPageOptions {
  /** The page's heading; 'Float and quantized, compared' when left out. */
  readonly title?: string;
  /** The lowest SQNR first by default. */
  readonly order?: RowOrder;
}

/** Sections in the page's order, with what a row of theirs means. */
const SECTIONS: readonly { readonly kind: ComparisonKind; readonly title: string; readonly legend: string }[] = [
  { kind: 'output', title: 'Outputs', legend: 'Results of the two models on the same inputs.' },
  {
    kind: 'activation',
    title: 'Activations',
    legend: 'What each layer gives in either model: errors of the layers before it are in it.',
  },
  {
    kind: 'shadow',
    title: 'Shadows',
    legend: 'Each quantized layer beside its float twin on the same dequantized input: its own error alone.',
  },
  { kind: 'weight', title: 'Weights', legend: 'Each weight beside what its codes stand for.' },
];

/** Below this many dB a bar is coloured as poor: PyTorch's model tests ask for more (test/test_quantized_models.py). */
const POOR_BELOW = 30;

/**
 * The comparison as one HTML page: for each kind a plot of the SQNR of every row as inline SVG, and the table. No
 * script, nothing loaded from elsewhere; all names are escaped.
 */
export function renderComparisonHtml(
  rows: readonly ComparisonRow[],
  { title = 'Float and quantized, compared', order = 'worst' }: ComparisonPageOptions = {},
): string {
  const sections = SECTIONS.flatMap(({ kind, title: heading, legend }) => {
    const own = inOrder(
      rows.filter((row) => row.kind === kind),
      order,
    );
    if (own.length === 0) return [];
    return [
      `<section>
<h2>${heading}</h2>
<p class="legend">${legend} SQNR is 20 log10(|float| / |float - quantized|).</p>
<div class="charts single">
<figure><figcaption>SQNR (dB)</figcaption>${plot(`${heading}: SQNR in dB`, own)}</figure>
</div>
${table(own)}
</section>`,
    ];
  });
  return htmlPage(title, sections.length === 0 ? '<p class="note">Nothing to compare.</p>' : sections.join('\n'));
}

function plot(title: string, rows: readonly ComparisonRow[]): string {
  const highest = Math.max(...rows.map(({ sqnr }) => (Number.isFinite(sqnr) ? sqnr : 0)), 1);
  const bars = rows.map(({ name, sqnr }): Bar => {
    const good = sqnr >= POOR_BELOW;
    return {
      label: name === '' ? '(model)' : name,
      // Equal tensors have no finite SQNR: a bar as long as the longest.
      value: sqnr === Number.POSITIVE_INFINITY ? highest : Math.max(Number.isFinite(sqnr) ? sqnr : 0, 0),
      text: decibels(sqnr),
      kind: good ? 'good' : 'poor',
    };
  });
  return barChart(title, bars);
}

function table(rows: readonly ComparisonRow[]): string {
  const columns = COMPARISON_COLUMNS.filter(({ title }) => title !== 'compared');
  const head = columns.map(({ title, align }) => `<th class="${align}">${title}</th>`).join('');
  const lines = rows.map((row) => {
    const cells = columns.map(({ cell, align }) => `<td class="${align}">${escapeHtml(cell(row))}</td>`);
    return `<tr>${cells.join('')}</tr>`;
  });
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>\n${lines.join('\n')}\n</tbody></table></div>`;
}
