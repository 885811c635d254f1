import { writeFile } from 'node:fs/promises';
import { isOctavoError } from '@octavo/core';
import { type Bench, createBench } from './bench.js';
import { WrongResult } from './measure/verify.js';
import { type Options, parseOptions, USAGE } from './options.js';
import { machineLines } from './print/machine.js';
import { ratioLines } from './print/ratios.js';
import { tableHead, tableLine } from './print/table.js';
import { printProfile } from './profile.js';
import type { Row } from './row.js';
import { GROUPS } from './rows/index.js';

/** Exit codes: 0 done, 1 a result was wrong or nothing could be measured, 2 wrong usage. */
async function main(args: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(args);
    // A path that cannot be written should fail now, not after minutes of measuring.
    if (options.json !== undefined) await writeFile(options.json, '[]\n');
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  const all = GROUPS.flatMap((group) => group.names);
  const names = all.filter(options.wants);
  if (names.length === 0) {
    console.error(`--only: no row of that name; the rows are:\n${all.join('\n')}`);
    return 2;
  }
  if (options.list) {
    console.log(names.join('\n'));
    return 0;
  }
  let bench: Bench;
  try {
    bench = createBench();
  } catch (error) {
    // Kernels that do not load, or an OCTAVO_ISA that is not known: nothing to measure, and no need of a stack.
    if (!isOctavoError(error)) throw error;
    console.error(error.message);
    return 1;
  }
  console.log(`${machineLines(bench).join('\n')}\n`);
  if (options.profile) {
    await printProfile(bench);
    return 0;
  }
  const { rows, wrong } = await measure(bench, options.wants, Math.max(...names.map((name) => name.length)));
  console.log(`\n${ratioLines(rows).join('\n')}`);
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(rows, null, 2)}\n`);
  return wrong === 0 ? 0 : 1;
}

/** Measures the rows that are wanted and prints each when it is there; a group of wrong results is not timed. */
async function measure(
  bench: Bench,
  wants: (name: string) => boolean,
  nameWidth: number,
): Promise<{ rows: Row[]; wrong: number }> {
  console.log(tableHead(nameWidth));
  const rows: Row[] = [];
  let wrong = 0;
  for (const group of GROUPS) {
    if (!group.names.some(wants)) continue;
    try {
      for await (const row of group.run(bench, wants)) {
        rows.push(row);
        console.log(tableLine(row, nameWidth));
      }
    } catch (error) {
      if (!(error instanceof WrongResult)) throw error;
      wrong++;
      console.log(`${(group.names[0] as string).padEnd(nameWidth)} not timed: ${error.message}`);
    }
  }
  return { rows, wrong };
}

process.exitCode = await main(process.argv.slice(2));
