// The demo: the model and the sentence pairs of this repository, float and int8, eager and graph.
import { run } from './process.mjs';
import { setup } from './setup.mjs';

const { native } = await setup();
console.log();
const command = 'eval --model models/mrpc-small --task mrpc --data data/paraphrases';
const modes = '--mode float,eager,graph,debug --qconfig perRow,perChannel';
const args = [...command.split(' '), ...modes.split(' '), ...process.argv.slice(2)];
// Setup has warned already; a backend that was asked for does not warn again.
const env = native ? {} : { OCTAVO_BACKEND: 'reference' };
process.exitCode = (await run('octavo', args, { env })).code;
