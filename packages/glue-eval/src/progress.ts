import cliProgress from 'cli-progress';
import type { EvaluationProgress } from './eval/options.js';

/** Where progress goes: the terminal that standard error is, or lines of text. */
export interface ProgressSink {
  readonly terminal: NodeJS.WritableStream | null;
  line(text: string): void;
}

/** Shows one pass over the data after another: a bar on a terminal, else a few plain lines. */
export interface ProgressReporter {
  report(event: EvaluationProgress): void;
  /** Takes an unfinished bar away; call it whatever happens. */
  stop(): void;
}

export function progressReporter({ terminal, line }: ProgressSink): ProgressReporter {
  return terminal === null ? plainLines(line) : bars(terminal);
}

function bars(stream: NodeJS.WritableStream): ProgressReporter {
  let bar: cliProgress.SingleBar | null = null;
  const stop = (): void => {
    bar?.stop();
    bar = null;
  };
  return {
    report({ name, done, total }) {
      if (bar === null) {
        const format = '{name} {bar} {value}/{total}, {eta_formatted} left';
        // gracefulExit would add signal handlers of its own; Ctrl-C is the command's business.
        const options = { stream, format, hideCursor: true, clearOnComplete: true, gracefulExit: false };
        bar = new cliProgress.SingleBar(options, cliProgress.Presets.shades_classic);
        bar.start(total, done, { name: name.padEnd(18) });
      } else {
        bar.update(done);
      }
      if (done === total) stop();
    },
    stop,
  };
}

/** Lines of a log come no faster than this, but for the one that ends a pass. */
const PLAIN_INTERVAL_MS = 5000;

function plainLines(line: (text: string) => void): ProgressReporter {
  let last = 0;
  return {
    report({ name, done, total }) {
      const now = performance.now();
      if (done === 0) last = now;
      if (done < total && now - last < PLAIN_INTERVAL_MS) return;
      last = now;
      line(`${name}: ${done}/${total}`);
    },
    stop() {},
  };
}
