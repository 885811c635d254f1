import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '..');
export const packageNames = readdirSync(join(root, 'packages')).sort();

// What npm and vitest tell their children is for this repository, not for the projects that the tests make.
const ours = /^(npm_config_(package_lock_only|loglevel)|npm_package_.*|VITEST.*|NODE_ENV|NODE_OPTIONS)$/i;
const environment = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name))),
  PATH: [join(root, 'node_modules/.bin'), join(root, 'tests/node_modules/.bin'), process.env.PATH].join(delimiter),
  TURBO_TELEMETRY_DISABLED: '1',
};

/** Runs a program as a user would, outside of vitest: its output, or an error that shows it. */
export function run(cwd: string, command: string, ...args: string[]): string {
  const options = { cwd, env: environment, encoding: 'utf8', shell: process.platform === 'win32' } as const;
  const { status, stdout, stderr, error } = spawnSync(command, args, options);
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}\n${stdout}${stderr}`);
  return stdout;
}

/** Brings dist of every package up to date: with `types` its declarations too, which take longer. */
export function build(task: 'build' | 'types'): void {
  run(root, 'turbo', 'run', task, '--filter', './packages/*', '--output-logs', 'errors-only');
}
