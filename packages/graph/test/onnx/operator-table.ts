import { ONNX_RULES } from '../../src/onnx/rules/index.js';
import type { NodeCase } from './node-cases.js';

/** docs/onnx-ops.md: every operator that is imported, how its node tests went, and why some cannot be run. */
export function renderOperatorTable(results: readonly NodeCase[]): string {
  const operators = [...Object.keys(ONNX_RULES), 'If', 'Loop'].sort();
  const count = (verdict: NodeCase['verdict']): number => results.filter((result) => result.verdict === verdict).length;
  const rows = operators.map((operator) => {
    const own = results.filter((result) => result.operator === operator);
    const passed = own.filter(({ verdict }) => verdict === 'passed').length;
    const reasons = new Map<string, number>();
    for (const { verdict, reason } of own) {
      if (verdict === 'not supported') reasons.set(short(reason), (reasons.get(short(reason)) ?? 0) + 1);
    }
    const skipped = [...reasons].map(([reason, times]) => `${reason} (${times})`).join('; ');
    return `| ${operator} | ${own.length === 0 ? '' : passed} | ${skipped} |`;
  });
  return `# ONNX operators

What \`importOnnx\` reads: operator sets 11 to 24. The numbers are of the ONNX project's own backend node tests:
${count('passed')} passed, ${count('failed')} failed, ${count('not supported')} not run because their values have no dtype here, or for the reason given.
This page is written by \`OCTAVO_WRITE_DOCS=1 OCTAVO_ONNX_NODE_TESTS=FOLDER npx vitest run packages/graph/test/onnx/node-tests.test.ts\`,
where FOLDER is what \`packages/graph/scripts/write-node-tests.py\` wrote.

| operator | node tests passed | not supported |
| --- | --- | --- |
${rows.join('\n')}
`;
}

/** The reason without the name of the node. */
function short(reason: string): string {
  return reason.replace(/^\S+ (that makes )?'[^']*': /, '').replaceAll('|', '/');
}
