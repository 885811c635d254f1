// The demo: the model and the sentence pairs of this repository, float and int8, eager and graph.
import { run } from './process.mjs';
import { setup } from './setup.mjs';

const { native } = await setup();
console.log();
// Half of the pairs: balanced as well, and a second run stays well below 20 seconds. `-- --limit 240` takes all.
const command = 'eval --model models/mrpc-small --task mrpc --data data/paraphrases --limit 120';
const modes = '--mode float,eager,graph,debug --qconfig perRow,perChannel';
const args = [...command.split(' '), ...modes.split(' '), ...process.argv.slice(2)];
// On the reference the command itself chooses how few pairs are enough.
if (!native) args.splice(args.indexOf('--limit'), 2);
// Setup has warned already; a backend that was asked for does not warn again.
const env = native ? {} : { OCTAVO_BACKEND: 'reference' };
process.exitCode = (await run('octavo', args, { env })).code;
