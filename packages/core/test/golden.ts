import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { it } from 'vitest';
import { decodeSafetensors } from '../src/io/safetensors.js';
import type { Tensor } from '../src/tensor/tensor.js';

// The golden vectors made with PyTorch, in `../shared/golden` beside the repository; its README tells the format.

const FOLDER = new URL('../../../../shared/golden/', import.meta.url);

export interface GoldenCase {
  readonly name: string;
  readonly op: string;
  readonly params: Readonly<Record<string, number | string | boolean>>;
  readonly inputs: Readonly<Record<string, Tensor | number>>;
  readonly outputs: Readonly<Record<string, Tensor | number>>;
  readonly exact: boolean;
  readonly quirk?: string;
}

type Roles = Record<string, string | number>;

/** The cases of a group with their tensors. */
export function goldenCases(group: string): GoldenCase[] {
  const file = (ending: string): string => fileURLToPath(new URL(`${group}.${ending}`, FOLDER));
  const { tensors } = decodeSafetensors(readFileSync(file('safetensors')), group);
  const resolve = (roles: Roles): Record<string, Tensor | number> =>
    Object.fromEntries(
      Object.entries(roles).map(([role, value]) => [
        role,
        typeof value === 'string' ? (tensors[value] as Tensor) : value,
      ]),
    );
  const cases = JSON.parse(readFileSync(file('json'), 'utf8')) as (GoldenCase & { inputs: Roles; outputs: Roles })[];
  return cases.map((each) => ({ ...each, inputs: resolve(each.inputs), outputs: resolve(each.outputs) }));
}

/** A test over a golden group; where the folder is absent it is skipped, and its name says so. */
export function itGolden(name: string, body: () => void): void {
  const absent = !existsSync(FOLDER);
  it.skipIf(absent)(absent ? `${name} (skipped: ../shared/golden is absent)` : name, body);
}

/** Fails, naming the place, where two tensors differ in any bit, NaN payloads excepted. */
export function expectSameBits(where: string, got: Tensor, expected: Tensor): void {
  const [x, y] = [got.raw, expected.raw];
  const differs = Array.from(y.data.keys()).filter((i) => !Object.is(x.data[i], y.data[i]));
  if (differs.length === 0 && got.type === expected.type && x.dims.join() === y.dims.join()) return;
  const [at] = differs;
  throw new Error(
    `${where}: ${got.type} [${x.dims}] against ${expected.type} [${y.dims}], ${differs.length} differ` +
      (at === undefined ? '' : `; at ${at} got ${x.data[at]}, expected ${y.data[at]}`),
  );
}
