import { isOctavoError } from '@octavo/core';
import { compareCase, type Outcome } from './compare.js';
import { type GoldenCase, listGroups, loadGroup } from './golden-case.js';
import { OPERATORS } from './operators.js';

export interface GoldenOptions {
  /** Groups to run; all of the folder when left out. */
  readonly groups?: readonly string[];
  /** Failed cases that are described for each group; 3 when left out. */
  readonly describe?: number;
  /** Hears the lines of a group as soon as it is done. */
  readonly onLine?: (line: string) => void;
}

export interface GoldenResult {
  readonly passed: number;
  readonly failed: number;
  /** Cases of ops that are not there yet. */
  readonly pending: number;
  /** A line a group, then `N passed, N failed`. */
  readonly text: string;
}

/**
 * Runs every case of a folder of golden vectors on the active backend. A case passes when all outputs that it stores
 * and we compute agree: bit for bit, or within the tolerance it names.
 */
export async function runGolden(dir: string, options: GoldenOptions = {}): Promise<GoldenResult> {
  const lines: string[] = [];
  const say = (line: string): void => {
    lines.push(line);
    options.onLine?.(line);
  };
  const all = await listGroups(dir);
  const groups = all.filter((group) => options.groups === undefined || options.groups.includes(group));
  const width = Math.max(...groups.map(({ length }) => length), 0);
  const total = { passed: 0, failed: 0, pending: 0 };
  for (const group of groups) {
    const report = await runGroup(await loadGroup(dir, group), options.describe ?? 3);
    say(`${group.padEnd(width)}  ${report.line}`);
    for (const failure of report.failures) say(`  ${failure}`);
    total.passed += report.passed;
    total.failed += report.failed;
    total.pending += report.pending;
  }
  say(`${total.passed} passed, ${total.failed} failed`);
  return { ...total, text: lines.join('\n') };
}

interface GroupReport {
  readonly passed: number;
  readonly failed: number;
  readonly pending: number;
  readonly line: string;
  readonly failures: readonly string[];
}

async function runGroup(cases: readonly GoldenCase[], describe: number): Promise<GroupReport> {
  let exact = 0;
  let pending = 0;
  const close: number[] = [];
  const failures: string[] = [];
  let worst = 0;
  for (const golden of cases) {
    if (!Object.hasOwn(OPERATORS, golden.op)) {
      pending++;
      continue;
    }
    const outcome = await runCase(golden);
    if (outcome.kind === 'exact') exact++;
    else if (outcome.kind === 'close') close.push(outcome.difference);
    else failures.push(`${golden.name}: ${outcome.why}`);
    if (outcome.kind !== 'exact') worst = Math.max(worst, outcome.difference);
  }
  const parts = [
    `${exact} of ${cases.length} exact`,
    ...(close.length > 0 ? [`${close.length} within tolerance`] : []),
    ...(failures.length > 0 ? [`${failures.length} failed`] : []),
    ...(worst > 0 ? [`largest difference ${worst}`] : []),
    ...(pending > 0 ? [`${pending} pending`] : []),
  ];
  return {
    passed: exact + close.length,
    failed: failures.length,
    pending,
    line: parts.join(', '),
    failures: failures.slice(0, describe),
  };
}

async function runCase(golden: GoldenCase): Promise<Outcome> {
  try {
    const computed = await (OPERATORS[golden.op] as (typeof OPERATORS)[string])(golden);
    if (golden.raises === undefined) return compareCase(golden, computed);
    return { kind: 'failed', difference: 0, why: `expected an error, as PyTorch's: ${golden.raises}` };
  } catch (error) {
    // What PyTorch refuses must be refused on purpose here too.
    if (golden.raises !== undefined && isOctavoError(error)) return { kind: 'exact' };
    return { kind: 'failed', difference: 0, why: error instanceof Error ? error.message : String(error) };
  }
}
