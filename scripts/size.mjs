// npm run size: lines of source per package and its longest files. A file that passes 400 lines asks for a look.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from './process.mjs';

const LONG = 400;
const source = /\.(ts|mjs|cc|h|gyp)$/;

function sizesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && source.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ file: relative(root, file), lines: readFileSync(file, 'utf8').split('\n').length - 1 }));
}

const row = (...cells) =>
  console.log(cells.map((cell, i) => (i === 0 ? String(cell).padEnd(26) : String(cell).padStart(8))).join(''));

const long = [];
row('', 'files', 'lines', 'median', 'longest');
for (const name of readdirSync(join(root, 'packages')).sort()) {
  for (const part of ['src', 'native', 'test']) {
    const sizes = sizesIn(join(root, 'packages', name, part)).sort((a, b) => a.lines - b.lines);
    if (sizes.length === 0) continue;
    const lines = sizes.reduce((sum, size) => sum + size.lines, 0);
    row(`${name}/${part}`, sizes.length, lines, sizes[sizes.length >> 1].lines, sizes.at(-1).lines);
    long.push(...sizes.filter((size) => size.lines > LONG));
  }
}
if (long.length > 0) console.log(`\nover ${LONG} lines:`);
for (const { file, lines } of long.sort((a, b) => b.lines - a.lines))
  console.log(`${String(lines).padStart(6)}  ${file}`);
