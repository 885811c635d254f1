// Every example that a README marks with `js run` or `ts run` runs, against the built packages.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { build, packageNames, root, run } from './workspace.js';

interface Snippet {
  /** README.md:12, the line of the opening fence. */
  where: string;
  file: string;
  language: 'js' | 'ts';
  /** Blank lines stand for what is above it in the README, so that line numbers in errors are the README's. */
  code: string;
}

function snippetsOf(file: string): Snippet[] {
  const lines = readFileSync(join(root, file), 'utf8').split('\n');
  const snippets: Snippet[] = [];
  for (let start = 0; start < lines.length; start++) {
    const fence = /^```(js|ts) run\b/.exec(lines[start]!);
    if (!fence) continue;
    const end = lines.indexOf('```', start);
    const code = '\n'.repeat(start + 1) + lines.slice(start + 1, end).join('\n');
    snippets.push({ where: `${file}:${start + 1}`, file, language: fence[1] as 'js' | 'ts', code });
    start = end;
  }
  return snippets;
}

const readmes = ['README.md', ...packageNames.map((name) => `packages/${name}/README.md`)];
const snippets = readmes.filter((file) => existsSync(join(root, file))).flatMap(snippetsOf);

// Inside node_modules of this package, which has all packages of ours: there their names resolve, and git looks away.
const folder = join(import.meta.dirname, 'node_modules/.snippets');
const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  skipLibCheck: true,
  types: ['node'],
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
  customConditions: ['@octavo/source'],
};

beforeAll(() => {
  build('build');
  mkdirSync(folder, { recursive: true });
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a snippet at the root of the repository, as a reader would. */
function execute({ where, file, language, code }: Snippet): void {
  const script = join(folder, `${where.replaceAll(/[^\w.]/g, '-')}.mjs`);
  const options: ts.CompilerOptions = { ...compilerOptions, module: ts.ModuleKind.ES2022, inlineSourceMap: true };
  const fileName = join(root, file);
  const compiled =
    language === 'ts' ? ts.transpileModule(code, { fileName, compilerOptions: options }).outputText : code;
  writeFileSync(script, compiled);
  try {
    run(root, process.execPath, '--enable-source-maps', script);
  } catch (error) {
    throw new Error(`the example at ${where} fails\n${(error as Error).message.replaceAll(script, join(root, file))}`);
  }
}

it.each(snippets)('$where runs', execute, 120_000);

it('the TypeScript examples have no type errors', () => {
  const files = snippets
    .filter((snippet) => snippet.language === 'ts')
    .map(({ where, code }) => {
      const path = join(folder, `${where.replaceAll(/[^\w.]/g, '-')}.types.mts`);
      writeFileSync(path, code);
      return { where, path };
    });
  const program = ts.createProgram(
    files.map((file) => file.path),
    { ...compilerOptions, noEmit: true, typeRoots: [join(import.meta.dirname, 'node_modules/@types')] },
  );
  const errors = files.flatMap(({ where, path }) =>
    ts.getPreEmitDiagnostics(program, program.getSourceFile(path)).map((diagnostic) => {
      const line = program.getSourceFile(path)!.getLineAndCharacterOfPosition(diagnostic.start ?? 0).line + 1;
      return `${where.replace(/:\d+$/, '')}:${line} ${ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')}`;
    }),
  );
  expect(errors).toEqual([]);
}, 120_000);
