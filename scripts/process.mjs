// Starting programs and reporting steps: what every script here shares.
import { spawn } from 'node:child_process';
import { delimiter, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '..');

const windows = process.platform === 'win32';

const environment = {
  ...process.env,
  // turbo looks for pnpm on the path; it is a development dependency, not a global tool.
  PATH: resolve(root, 'node_modules/.bin') + delimiter + process.env.PATH,
  TURBO_TELEMETRY_DISABLED: '1',
  DO_NOT_TRACK: '1',
};

/**
 * Runs a program at the root. Resolves to its exit code and, where `quiet`, what it wrote;
 * otherwise it writes to our own streams.
 */
export function run(command, args, { quiet = false, env = {} } = {}) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...environment, ...env },
      stdio: ['ignore', ...(quiet ? ['pipe', 'pipe'] : ['inherit', 'inherit'])],
      shell: windows, // npx and the tools in node_modules/.bin are .cmd files there
    });
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    child.on('error', fail);
    child.on('close', (code, signal) => done({ code: code ?? 1, output: signal ? `${output}\n${signal}\n` : output }));
  });
}

/** Does `work`, then says its name, its seconds and the note that it returns; not on stdout, which is for results. */
export async function step(name, work) {
  const start = performance.now();
  const note = await work();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.error(`${name.padEnd(18)} ${seconds.padStart(6)} s${note ? `  ${note}` : ''}`);
}

/** Ends the process with what a failed program wrote. */
export function stop(name, { code, output }) {
  process.stderr.write(`\n${output}\n${name} failed (exit code ${code}).\n`);
  process.exit(1);
}
