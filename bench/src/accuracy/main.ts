// npm run accuracy -- MODEL DATA [--only PATTERN] [--limit N] [--control POINTS] [--results FILE] [--write PAGE]: what
// each way to quantize costs, a row each. --results keeps rows as they come and does not run them again; --write puts
// the table of all rows known into a page. --control POINTS gives the paths of accuracy control instead.
import { parseArgs } from 'node:util';
import { controlTables } from './control.js';
import { IMAGE_ROWS } from './image-rows.js';
import { measureRow, type RowResult } from './measure-row.js';
import { ResultsFile } from './results-file.js';
import { openSubject } from './subject.js';
import { renderTable, replaceTable } from './table.js';
import { TEXT_ROWS } from './text-rows.js';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: '' },
    limit: { type: 'string', default: 'Infinity' },
    control: { type: 'string' },
    results: { type: 'string' },
    write: { type: 'string' },
  },
});
const [model, data] = positionals;
if (model === undefined || data === undefined) {
  console.error(
    'usage: npm run accuracy -- MODEL DATA [--only PATTERN] [--limit N] [--control POINTS] [--results FILE] [--write PAGE]',
  );
  process.exit(2);
}

await import('@octavo/kernels-native');
const subject = await openSubject(model, data, Number(flags.limit));
const results = await ResultsFile.open(flags.results);
if (flags.control !== undefined) {
  const tables = await controlTables(subject, Number(flags.control), flags.results);
  console.log(tables);
  if (flags.write !== undefined) await replaceTable(flags.write, `${subject.name} control`, tables);
  process.exit();
}
const only = new RegExp(flags.only);
/** The float graph's logits, when a row first asks for them. */
let reference: Float32Array | undefined;
const rows = new Map<string, RowResult>();
rows.set('float', results.get('float') ?? (await measureRow(subject, subject.float, null)));
await results.set('float', rows.get('float') as RowResult);
const table = subject.kind === 'image' ? IMAGE_ROWS : TEXT_ROWS;
for (const [name, make] of Object.entries(table)) {
  let row = results.get(name);
  if (row === undefined && only.test(name)) {
    const start = performance.now();
    using graph = await make(subject.float, subject.calibration);
    const seconds = (performance.now() - start) / 1000;
    reference ??= (await subject.run(subject.float)).logits;
    row = await measureRow(subject, graph, reference);
    await results.set(name, row);
    const scores = Object.values(row.scores).map((score) => score.toFixed(4));
    console.error(
      `${name}: ${scores.join(' ')}, ${row.changed} changed, ${row.sqnr.toFixed(1)} dB, ${seconds.toFixed(0)} s to make`,
    );
  }
  if (row !== undefined) rows.set(name, row);
}
const rendered = renderTable(rows, subject.labels.length);
console.log(rendered);
if (flags.write !== undefined) await replaceTable(flags.write, subject.name, rendered);
