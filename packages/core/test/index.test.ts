import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import * as core from '../src/index.js';
import * as node from '../src/node/index.js';

const SOURCES = fileURLToPath(new URL('../src', import.meta.url));

/** The files that `entry` reaches by relative imports. */
function reachable(entry: string, seen = new Set<string>()): Set<string> {
  if (seen.has(entry)) return seen;
  seen.add(entry);
  for (const [, path] of readFileSync(entry, 'utf8').matchAll(/from '(\.[^']+)\.js'/g)) {
    reachable(`${join(dirname(entry), path as string)}.ts`, seen);
  }
  return seen;
}

it('the names of the main entry', () => {
  expect(Object.keys(core).sort()).toMatchSnapshot();
  expect(Object.keys(core.F).sort()).toMatchSnapshot();
  expect(Object.keys(core.nn).sort()).toMatchSnapshot();
});

it('the names of the node entry', () => {
  expect(Object.keys(node).sort()).toMatchSnapshot();
});

it('the main entry imports no node: module, and no package at all', () => {
  const files = reachable(join(SOURCES, 'index.ts'));
  expect(files.size).toBeGreaterThan(40);
  for (const file of files) {
    const imports = [...readFileSync(file, 'utf8').matchAll(/^(?:import|export)[^;]*? from '([^']+)'/gms)].map(
      ([, from]) => from as string,
    );
    expect(
      imports.filter((from) => !from.startsWith('.')),
      file,
    ).toEqual([]);
  }
});

it('every source file is reached from an entry', () => {
  const reached = new Set([...reachable(join(SOURCES, 'index.ts')), ...reachable(join(SOURCES, 'node/index.ts'))]);
  const all = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  expect(all.map((name) => join(SOURCES, name)).filter((file) => !reached.has(file))).toEqual([]);
});
