// npm test -- [FILTER...]: vitest over all packages, then the C++ test programs; the last line sums up. With --long, longer
// sweeps, and the tests of native ops and programs once more on instruction sets that this CPU lacks, emulated.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './process.mjs';
import { NO_TOOLCHAIN, setup } from './setup.mjs';

const args = process.argv.slice(2).filter((arg) => arg !== '--long');
const long = process.argv.includes('--long');
const env = long ? { OCTAVO_TEST_LONG: '1' } : {};
const NATIVE = 'packages/kernels-native/scripts/native.mjs';

/** Counts of vitest's report. A file that does not even load counts as one failed test. */
async function vitest(args, env) {
  const folder = mkdtempSync(join(tmpdir(), 'octavo-test-'));
  const report = join(folder, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const { code } = await run('vitest', ['run', ...reporters, ...args], { env });
  const total = { passed: 0, failed: 0, skipped: 0 };
  try {
    const result = JSON.parse(readFileSync(report, 'utf8'));
    total.passed = result.numPassedTests;
    total.failed = result.numFailedTests;
    total.skipped = result.numPendingTests + result.numTodoTests;
    for (const file of result.testResults) {
      if (file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')) total.failed++;
    }
  } catch (error) {
    console.error(`vitest left no report: ${error.message}`);
  }
  rmSync(folder, { recursive: true });
  // No report, no tests, or an error outside of any test.
  if (code !== 0 && total.failed === 0) total.failed = 1;
  return total;
}

/** Counts of the C++ test programs. */
async function native() {
  const { code, output } = await run(process.execPath, [NATIVE, 'test', '--emulate', '--cross=arm64'], {
    quiet: true,
    env,
  });
  if (code === NO_TOOLCHAIN) return { passed: 0, failed: 0 }; // setup has said so
  const counts = /(\d+) passed, (\d+) failed\s*$/.exec(output);
  for (const [line] of output.matchAll(/^skip .*$/gm)) console.log(line);
  console.log(counts && code === 0 ? `C++ tests: ${counts[0].trim()}` : output);
  return counts ? { passed: Number(counts[1]), failed: Number(counts[2]) } : { passed: 0, failed: 1 };
}

/** Counts of the tests of native ops and programs over an addon whose instruction sets are emulated. */
async function emulated() {
  const { code, output } = await run(process.execPath, [NATIVE, 'build', '--emulate'], { quiet: true });
  if (code === NO_TOOLCHAIN) return { passed: 0, failed: 0, skipped: 0 };
  if (code !== 0) return { passed: 0, failed: 1, skipped: 0 };
  const tests = ['ops', 'program', 'layout'].map((name) => `packages/kernels-native/test/${name}.test.ts`);
  return vitest(tests, { OCTAVO_BINARY: output.trim().split('\n').at(-1) });
}

await setup();
const counts = [await vitest(args, env)];
if (args.length === 0) counts.push({ skipped: 0, ...(await native()) });
if (args.length === 0 && long) counts.push(await emulated());
const sum = (name) => counts.reduce((total, count) => total + count[name], 0);
const [passed, failed, skipped] = [sum('passed'), sum('failed'), sum('skipped')];
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
