import type { Command } from 'commander';
import type { CommandIO } from './command-io.js';

/** Adds one command to the program. `exit` sets an exit code other than 0 for a command that ran to its end. */
export type DefineCommand = (program: Command, io: CommandIO, exit: (code: number) => void) => void;
