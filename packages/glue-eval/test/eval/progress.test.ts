import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { progressReporter } from '../../src/progress.js';

describe('progressReporter', () => {
  it('writes one line at the end of a short pass', () => {
    const lines: string[] = [];
    const { report, stop } = progressReporter({ terminal: null, line: (text) => lines.push(text) });
    for (const name of ['float', 'graph perRow']) {
      for (const done of [0, 3, 5]) report({ name, done, total: 5 });
    }
    stop();
    expect(lines).toEqual(['float: 5/5', 'graph perRow: 5/5']);
  });

  it('draws a bar on a terminal, and takes an unfinished one away', () => {
    const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 80, cursorTo() {}, clearLine() {} });
    const { report, stop } = progressReporter({ terminal, line: () => expect.unreachable() });
    report({ name: 'float', done: 0, total: 5 });
    report({ name: 'float', done: 3, total: 5 });
    stop();
    expect(String(terminal.read())).toContain('float');
  });
});
