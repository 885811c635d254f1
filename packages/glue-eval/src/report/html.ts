import { barChart, escapeHtml, htmlPage } from '@octavo/observers';
import type { Evaluation, ModeResult, ModeRun } from '../eval/evaluation.js';
import { rowName } from '../eval/row-name.js';
import { columnsOf, significant } from './columns.js';

/**
 * The result for people: one file with the table, bars for size, latency and each metric, and which layers ran in
 * int8. No scripts, nothing loaded from elsewhere; every text that comes from outside is escaped.
 */
export function renderHtml(evaluation: Evaluation): string {
  const { summary } = evaluation;
  const title = `${summary.model} on ${summary.task}`;
  const body = `${facts(evaluation)}
${summary.note === undefined ? '' : `<p class="note">${escapeHtml(summary.note)}</p>`}
<section>
<h2>Results</h2>
${resultTable(evaluation)}
<p class="legend"><b>changed</b>: labels that differ from float. <b>seconds</b>: time in the model, all batches.
<b>ms/batch</b>: median of the full batches. <b>speed-up</b>: relative to float. <b>int8</b>: share of the
multiply-adds that ran in int8.</p>
</section>
<section>
<h2>Compared</h2>
<div class="charts">
${charts(evaluation)}
</div>
</section>
${layerSection(evaluation)}`;
  return htmlPage(title, body);
}

function facts({ summary, task }: Evaluation): string {
  const { backend } = summary;
  const entries: [string, string][] = [
    ['Task', task.title],
    ['Data', `${summary.split}, ${summary.examples} examples`],
    ['Backend', `${backend.name} (${backend.isa})`],
    ['Threads', String(backend.threads)],
  ];
  const items = entries.map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`);
  return `<dl>${items.join('')}</dl>`;
}

function resultTable({ summary, task }: Evaluation): string {
  const columns = columnsOf(task);
  const head = columns.map(({ title, align }) => `<th class="${align}">${escapeHtml(title)}</th>`).join('');
  const rows = summary.modes.map((row) => {
    const cells = columns.map(({ cell, align }) => `<td class="${align}">${escapeHtml(cell(row))}</td>`).join('');
    return `<tr>${cells}</tr>`;
  });
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>\n${rows.join('\n')}\n</tbody></table></div>`;
}

interface Chart {
  readonly title: string;
  value(row: ModeResult): number;
  text(row: ModeResult): string;
}

function charts({ summary, task }: Evaluation): string {
  const wanted: Chart[] = [
    { title: 'Size (MB)', value: (row) => row.sizeMB, text: (row) => row.sizeMB.toFixed(1) },
    {
      title: 'Latency (ms per example)',
      value: (row) => row.msPerExample,
      text: (row) => significant(row.msPerExample),
    },
    ...task.metrics.map(({ key, title }) => ({
      title: `${title.charAt(0).toUpperCase()}${title.slice(1)}`,
      value: (row: ModeResult) => row.metrics[key] ?? 0,
      text: (row: ModeResult) => (row.metrics[key] ?? 0).toFixed(4),
    })),
  ];
  return wanted
    .map(({ title, value, text }) => {
      const bars = summary.modes.map((row) => ({
        label: rowName(row),
        value: value(row),
        text: text(row),
        kind: row.mode,
      }));
      return `<figure><figcaption>${escapeHtml(title)}</figcaption>${barChart(title, bars)}</figure>`;
    })
    .join('\n');
}

/** Float rows say nothing here that is not known. */
function layerSection({ runs }: Evaluation): string {
  const tables = runs.filter(({ result }) => result.mode !== 'float').map(layerTable);
  return tables.length === 0 ? '' : `<section>\n<h2>Layers</h2>\n${tables.join('\n')}\n</section>`;
}

/** Folded: a large model has hundreds of layers. */
function layerTable({ result, coverage: { rows } }: ModeRun): string {
  const inInt8 = rows.filter(({ precision }) => precision === 'int8').length;
  const lines = rows.map(({ path, op, precision, reason }) => {
    const cells = [path === '' ? '(model)' : path, op, precision, reason].map(escapeHtml);
    return `<tr class="${precision}">${cells.map((cell) => `<td class="left">${cell}</td>`).join('')}</tr>`;
  });
  return `<details><summary>${escapeHtml(rowName(result))}: ${inInt8} of ${rows.length} layers in int8</summary>
<div class="wide"><table><thead><tr><th class="left">layer</th><th class="left">op</th><th class="left">precision</th><th class="left">reason</th></tr></thead><tbody>
${lines.join('\n')}
</tbody></table></div></details>`;
}
