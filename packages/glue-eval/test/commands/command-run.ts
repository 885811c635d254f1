import type { CommandIO } from '../../src/commands/command-io.js';
import { main } from '../../src/main.js';

export interface CommandRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `octavo ...args` in this process. */
export async function octavo(args: readonly string[], io: Partial<CommandIO> = {}): Promise<CommandRun> {
  let out = '';
  let err = '';
  const code = await main(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    terminal: null,
    signal: new AbortController().signal,
    debug: false,
    ...io,
  });
  return { code, out, err };
}
