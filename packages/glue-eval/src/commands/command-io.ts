/** The outside world of a command: tests hand in their own. */
export interface CommandIO {
  /** The result. */
  out(text: string): void;
  /** Messages and progress. */
  err(text: string): void;
  /** Standard error, where it is a terminal: progress is then a bar. */
  readonly terminal: NodeJS.WritableStream | null;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** `OCTAVO_DEBUG`: stack traces for errors. */
  readonly debug: boolean;
}

/** Standard streams, and Ctrl-C as an abort signal; a second Ctrl-C ends the process at once. */
export function processIO(): CommandIO {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    terminal: process.stderr.isTTY ? process.stderr : null,
    signal: controller.signal,
    debug: Boolean(process.env.OCTAVO_DEBUG),
  };
}
