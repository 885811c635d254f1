// npm run release: publishes the packages whose versions the registry lacks, with declarations and the addons of all
// platforms; where Zig is missing, of this one.
import { run, step, stop } from './process.mjs';
import { setup } from './setup.mjs';

await setup();
await step('declarations', async () => {
  const result = await run('turbo', ['run', 'types', '--filter', './packages/*'], { quiet: true });
  if (result.code !== 0) stop('declarations', result);
});
await step('prebuild', async () => {
  const script = 'packages/kernels-native/scripts/native.mjs';
  const result = await run(process.execPath, [script, 'prebuild'], { quiet: true });
  if (result.code !== 0) stop('prebuild', result);
  return result.output;
});
process.exitCode = (await run('changeset', ['publish'])).code;
