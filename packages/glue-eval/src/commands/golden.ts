import { OctavoError } from '@octavo/core';
import { loadNativeBackend } from '../native-backend.js';
import { list } from './arguments.js';
import type { DefineCommand } from './command.js';
import { EXIT } from './exit-code.js';

interface GoldenFlags {
  groups?: string[];
}

/** `octavo golden`: checks the arithmetic of the active backend against stored vectors. */
export const defineGolden: DefineCommand = (program, io, exit) => {
  program
    .command('golden')
    .description('Check the arithmetic against golden vectors: one line a group, then how many passed.')
    .argument('<dir>', 'folder with the vectors')
    .option('--groups <list>', 'groups to check (default: all)', list)
    .action(async (dir: string, { groups }: GoldenFlags) => {
      // The vectors' operators are much code that no other command needs.
      const { runGolden } = await import('../golden/index.js');
      await loadNativeBackend();
      const options = { onLine: (line: string) => io.out(`${line}\n`), ...(groups === undefined ? {} : { groups }) };
      const { passed, failed, pending } = await runGolden(dir, options);
      if (passed + failed + pending === 0) {
        throw new OctavoError('INVALID_ARGUMENT', `${dir}: expected groups of golden vectors, found none to check`);
      }
      if (failed > 0) exit(EXIT.failed);
    });
};
