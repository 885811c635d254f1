import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ONNX_RULES } from '../../src/onnx/rules/index.js';
import { type NodeCase, nodeCaseNames, runNodeCase } from './node-cases.js';
import { renderOperatorTable } from './operator-table.js';

process.env.OCTAVO_BACKEND ??= 'reference';

/** A folder that scripts/write-node-tests.py has written. With OCTAVO_WRITE_DOCS the table of operators is renewed. */
const FOLDER = process.env.OCTAVO_ONNX_NODE_TESTS;
const TABLE = fileURLToPath(new URL('../../../../docs/onnx-ops.md', import.meta.url));

describe.skipIf(FOLDER === undefined)("the ONNX project's backend node tests", () => {
  it('pass for every operator that is imported', async () => {
    const results: NodeCase[] = [];
    for (const name of nodeCaseNames(FOLDER as string)) results.push(await runNodeCase(FOLDER as string, name));
    const ours = results.filter(
      ({ operator }) => Object.hasOwn(ONNX_RULES, operator) || operator === 'If' || operator === 'Loop',
    );
    const failed = ours.filter(({ verdict }) => verdict === 'failed');
    const count = (verdict: NodeCase['verdict']): number => ours.filter((result) => result.verdict === verdict).length;
    console.log(failed.map(({ name, reason }) => `${name}: ${reason}`).join('\n'));
    console.log(`${count('passed')} passed, ${failed.length} failed, ${count('not supported')} not supported`);
    if (process.env.OCTAVO_WRITE_DOCS) writeFileSync(TABLE, renderOperatorTable(ours));
    expect(failed.map(({ name }) => name)).toEqual([]);
  }, 600_000);
});
