// npm test -- [FILTER...]: vitest over all packages, then the C++ test programs; the last line sums up.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './process.mjs';
import { NO_TOOLCHAIN, setup } from './setup.mjs';

const args = process.argv.slice(2).filter((arg) => arg !== '--long');
const env = process.argv.includes('--long') ? { OCTAVO_TEST_LONG: '1' } : {};

/** Counts of vitest's report. A file that does not even load counts as one failed test. */
async function vitest() {
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
  const script = 'packages/kernels-native/scripts/native.mjs';
  const { code, output } = await run(process.execPath, [script, 'test', '--emulate', '--cross=arm64'], {
    quiet: true,
    env,
  });
  if (code === NO_TOOLCHAIN) return { passed: 0, failed: 0 }; // setup has said so
  const counts = /(\d+) passed, (\d+) failed\s*$/.exec(output);
  for (const [line] of output.matchAll(/^skip .*$/gm)) console.log(line);
  console.log(counts && code === 0 ? `C++ tests: ${counts[0].trim()}` : output);
  return counts ? { passed: Number(counts[1]), failed: Number(counts[2]) } : { passed: 0, failed: 1 };
}

await setup();
const tests = await vitest();
const programs = args.length === 0 ? await native() : { passed: 0, failed: 0 };
const passed = tests.passed + programs.passed;
const failed = tests.failed + programs.failed;
console.log(`${passed} passed, ${failed} failed${tests.skipped > 0 ? `, ${tests.skipped} skipped` : ''}`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
