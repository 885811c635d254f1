// node scripts/run.mjs TOOL ARGS: runs a tool of this repository, in a fresh clone too.

import { run } from './process.mjs';
import { install, setup } from './setup.mjs';

const [tool, ...args] = process.argv.slice(2);
// The command of our own has to be built; a tool has to be installed. Type checks cover the bench as well.
await (tool === 'octavo' ? setup() : install({ full: tool === 'turbo' }));
process.exitCode = (await run(tool, args)).code;
