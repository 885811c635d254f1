// What a user gets: each package is packed, installed alone into an empty project, and used from there.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build, packageNames, root, run } from './workspace.js';

const work = mkdtempSync(join(tmpdir(), 'octavo-packaging-'));
const tarballs = new Map<string, string>();

interface Manifest {
  dependencies?: Record<string, string>;
  exports: Record<string, unknown>;
  bin?: Record<string, string>;
}
const manifest = (name: string): Manifest =>
  JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'));

/** A package and all packages of ours that it depends on. */
function closure(name: string, found = new Set<string>()): Set<string> {
  found.add(name);
  for (const dependency of Object.keys(manifest(name).dependencies ?? {})) {
    if (dependency.startsWith('@octavo/')) closure(dependency.slice('@octavo/'.length), found);
  }
  return found;
}

/** The specifiers of a package that can be imported. */
const specifiers = (name: string): string[] =>
  Object.keys(manifest(name).exports)
    .filter((path) => path !== './package.json')
    .map((path) => `@octavo/${name}${path.slice(1)}`);

beforeAll(() => {
  build('types');
  for (const name of packageNames) {
    const folder = join(work, 'tarballs', name);
    mkdirSync(folder, { recursive: true });
    run(join(root, 'packages', name), 'pnpm', 'pack', '--pack-destination', folder);
    tarballs.set(name, join(folder, readdirSync(folder)[0]!));
  }
}, 300_000);

afterAll(() => rmSync(work, { recursive: true, force: true }));

describe.each(packageNames)('@octavo/%s', (name) => {
  const project = join(work, 'projects', name);

  beforeAll(() => {
    mkdirSync(project, { recursive: true });
    writeFileSync(join(project, 'package.json'), '{ "name": "empty", "private": true }');
    const files = [...closure(name)].map((dependency) => tarballs.get(dependency)!);
    run(project, 'npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', ...files);
  }, 120_000);

  it('packs its licence, its read-me and no sources', () => {
    const files = run(project, 'tar', 'tzf', tarballs.get(name)!).split('\n');
    expect(files).toContain('package/LICENSE');
    expect(files).toContain('package/README.md');
    expect(files.filter((file) => file.startsWith('package/src/'))).toEqual([]);
    expect(readFileSync(join(project, 'node_modules/@octavo', name, 'package.json'), 'utf8')).not.toContain(
      'workspace:',
    );
  });

  it.each(specifiers(name))('%s gives the same names to import and to require', (specifier) => {
    const print = 'console.log(JSON.stringify(Object.keys(m).filter((key) => key !== "default").sort()))';
    writeFileSync(join(project, 'use.mjs'), `import * as m from '${specifier}';\n${print};\n`);
    writeFileSync(join(project, 'use.cjs'), `const m = require('${specifier}');\n${print};\n`);
    const names: string[] = JSON.parse(run(project, process.execPath, 'use.mjs'));
    expect(names.length).toBeGreaterThan(0);
    expect(JSON.parse(run(project, process.execPath, 'use.cjs'))).toEqual(names);
  });

  it('has types for ESM and CommonJS', () => {
    const imports = specifiers(name).map((specifier, i) => `import * as m${i} from '${specifier}';\nexport { m${i} };`);
    writeFileSync(join(project, 'types.mts'), imports.join('\n'));
    writeFileSync(join(project, 'types.cts'), imports.join('\n'));
    const compilerOptions = {
      module: 'NodeNext',
      target: 'ES2022',
      lib: ['ES2023', 'ESNext.Disposable'],
      strict: true,
      noEmit: true,
      skipLibCheck: false,
      types: ['node'],
      typeRoots: [join(root, 'tests/node_modules/@types')],
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['types.*'] }));
    run(project, 'tsc', '-p', '.');
  }, 60_000);

  it('is clean to publint and to attw', () => {
    run(project, 'publint', tarballs.get(name)!, '--strict');
    // node10 is TypeScript's resolution for Node before `exports`, which we do not support.
    run(project, 'attw', tarballs.get(name)!, '--profile', 'node16');
  }, 60_000);

  it.each(Object.keys(manifest(name).bin ?? {}))('the command %s starts', (command) => {
    const usage = run(project, join(project, 'node_modules/.bin', command), '--help');
    expect(usage.toLowerCase()).toContain('usage');
  });
});

it('the main entry of core needs nothing of Node', () => {
  const seen = new Set<string>();
  const outside = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles) {
      if (fileName.startsWith('.')) visit(resolve(dirname(file), fileName));
      else outside.add(fileName);
    }
  };
  visit(join(root, 'packages/core/dist/index.js'));
  expect([...outside]).toEqual([]);
});

// A checkout carries no prebuilds: the compiled addon takes the place of the one that a release would ship.
const addon = join(root, 'packages/kernels-native/build/Release');
const compiled = existsSync(addon) ? readdirSync(addon).find((file) => file.endsWith('.node')) : undefined;

it.skipIf(!compiled)('the packed native kernels load their prebuild in ESM and CommonJS', () => {
  const project = join(work, 'projects/kernels-native');
  const folder = join(project, `node_modules/@octavo/kernels-native/prebuilds/${process.platform}-${process.arch}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, '@octavo+kernels-native.node'), readFileSync(join(addon, compiled!)));
  const print = 'console.log(activeBackend().name)';
  writeFileSync(
    join(project, 'native.mjs'),
    `import '@octavo/kernels-native';\nimport { activeBackend } from '@octavo/core';\n${print};\n`,
  );
  writeFileSync(
    join(project, 'native.cjs'),
    `require('@octavo/kernels-native');\nconst { activeBackend } = require('@octavo/core');\n${print};\n`,
  );
  expect(run(project, process.execPath, 'native.mjs').trim()).toBe('native');
  expect(run(project, process.execPath, 'native.cjs').trim()).toBe('native');
});
