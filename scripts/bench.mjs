// npm run bench -- ARGS: our speed and onnxruntime-node's, in turn in one process.
// npm run accuracy -- MODEL DATA [OPTIONS]: what each way to quantize costs, on MRPC or ImageNet (bench/src/accuracy/main.ts).
import { run, step, stop } from './process.mjs';
import { setup } from './setup.mjs';

await setup({ full: true });
await step('bench', async () => {
  const args = ['run', 'build', '--filter', '@octavo/bench', '--output-logs', 'errors-only'];
  const result = await run('turbo', args, { quiet: true });
  if (result.code !== 0) stop('bench build', result);
});
console.log();
const [first, ...rest] = process.argv.slice(2);
const command =
  first === 'accuracy' ? ['bench/dist/accuracy/main.js', ...rest] : ['bench/dist/main.js', ...process.argv.slice(2)];
process.exitCode = (await run(process.execPath, command)).code;
