// Other machines than this one: what compiles for them and what runs their programs here. Everything is optional; where a
// tool is missing, its name is the answer.
import { spawnSync } from 'node:child_process';

const works = (command, args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** The command line of a Zig that compiles C++, or undefined: `zig`, or the Python package `ziglang`. */
export function findZig() {
  const candidates = [process.env.ZIG?.split(' '), ['zig'], ['python3', '-m', 'ziglang']];
  return candidates.find((zig) => zig && works(zig[0], [...zig.slice(1), 'version']));
}

/**
 * The machines whose kernels are tested by emulation, `test --cross=NAME`: `gnu` and `zig` are the targets of the two
 * compilers, `cpus` the models of qemu and the instruction sets that each must be found to have; the first runs all tests.
 */
export const EMULATED = {
  arm64: {
    gnu: 'aarch64-linux-gnu-g++',
    zig: 'aarch64-linux-musl',
    emulators: ['qemu-aarch64-static', 'qemu-aarch64'],
    cpus: [
      ['max', ['scalar', 'neon', 'neondot', 'neoni8mm']],
      ['neoverse-n1', ['scalar', 'neon', 'neondot']],
      ['cortex-a53', ['scalar', 'neon']],
    ],
  },
};

/** What the test of a machine needs: `{ cxx, emulator }`, or `{ missing }` in words. */
export function findCrossTools({ gnu, zig: target, emulators }) {
  const zig = findZig();
  const cxx = works(gnu, ['--version']) ? [gnu] : zig && [...zig, 'c++', '-target', target];
  const emulator = emulators.find((name) => works(name, ['--version']));
  const missing = [
    !cxx && `a cross compiler (${gnu}, or zig)`,
    !emulator && `user-mode emulation (${emulators.join(' or ')})`,
  ].filter(Boolean);
  return missing.length > 0 ? { missing: missing.join(' and ') } : { cxx, emulator };
}
