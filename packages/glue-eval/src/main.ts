import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import type { DefineCommand } from './commands/command.js';
import type { CommandIO } from './commands/command-io.js';
import { defineCompare } from './commands/compare.js';
import { defineDoctor } from './commands/doctor.js';
import { defineEval } from './commands/eval.js';
import { EXIT, exitCodeOf, messageOf } from './commands/exit-code.js';
import { defineExport } from './commands/export.js';
import { defineGolden } from './commands/golden.js';
import { defineInspect } from './commands/inspect.js';
import { defineQuantize } from './commands/quantize.js';
import { defineRun } from './commands/run.js';

/** All commands, in the order of `octavo --help`. */
const COMMANDS: readonly DefineCommand[] = [
  defineEval,
  defineQuantize,
  defineRun,
  defineExport,
  defineInspect,
  defineCompare,
  defineGolden,
  defineDoctor,
];

/**
 * The `octavo` command. Never throws and never ends the process: it writes to `io` and returns the exit code, 0 done,
 * 1 the run failed, 2 wrong usage or bad input, 130 interrupted.
 *
 * @param argv the arguments alone, without `node` and the script
 */
export async function main(argv: readonly string[], io: CommandIO): Promise<number> {
  let exitCode: number = EXIT.done;
  const program = new Command('octavo')
    .description('Quantizes neural networks to int8, runs them and evaluates them.')
    .version(version())
    .exitOverride()
    .configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      // Commander puts its suggestions on lines of their own; a message here is one line.
      outputError: (text, write) =>
        write(
          `${text
            .trim()
            .replace(/^error:/, 'octavo:')
            .replace(/\s*\n\s*/g, ' ')}\n`,
        ),
    });
  for (const define of COMMANDS) {
    define(program, io, (code) => {
      exitCode = code;
    });
  }
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has written its own message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.badInput;
    io.err(`octavo: ${messageOf(error)}\n`);
    if (io.debug && error instanceof Error) io.err(`${error.stack}\n`);
    return exitCodeOf(error);
  }
}

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
