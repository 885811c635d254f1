import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { OctavoError, type Tensor } from '@octavo/core';
import { readSafetensors } from '@octavo/core/node';

// Golden vectors: each group is `<group>.json`, an array of cases, and `<group>.safetensors` with their tensors.

/** A tensor, or a number that stands for itself. */
export type GoldenValue = Tensor | number;

/** One stored call of PyTorch: what went in and what came out. */
export interface GoldenCase {
  readonly name: string;
  readonly op: string;
  readonly params: Readonly<Record<string, number | string | boolean | readonly number[]>>;
  readonly inputs: Readonly<Record<string, GoldenValue>>;
  readonly outputs: Readonly<Record<string, GoldenValue>>;
  /** True: equal bits are asked for. */
  readonly exact: boolean;
  /** Otherwise the largest difference allowed, in codes for integers. */
  readonly tolerance?: number;
  /** Roles, or beginnings of roles, with a tolerance of their own. */
  readonly approximate?: Readonly<Record<string, number>>;
  /** Elements in which a formula differs from PyTorch, by formula; the first is the plain one. */
  readonly formula_mismatched_elements?: Readonly<Record<string, number>>;
  /** Scale and zero point by layer, of a model that was calibrated. */
  readonly layer_qparams?: Readonly<Record<string, { readonly scale: number; readonly zero_point: number }>>;
  /** The nodes of a quantized graph: their names (FX), or their ops with the numbers in them (TorchScript). */
  readonly nodes?: readonly (string | { readonly op: string; readonly constants: readonly number[] })[];
  /** What the output of a model may differ by when it is calibrated again. */
  readonly recalibrated_tolerance?: number;
  /** Set where PyTorch's answer comes from an overflow. */
  readonly quirk?: string;
  /** The class of error that `calculate_qparams()` raises. */
  readonly calculate_qparams_raises?: string;
  /** Set where PyTorch refuses the call: its message. */
  readonly raises?: string;
}

/** The names of the groups in a folder, in order. */
export async function listGroups(dir: string): Promise<string[]> {
  let files: string[];
  try {
    files = await readdir(dir);
  } catch (cause) {
    throw new OctavoError('FILE_NOT_FOUND', `${dir}: there is no such folder of golden vectors; check the path`, {
      cause,
    });
  }
  const groups = files.filter(
    (file) => file.endsWith('.json') && files.includes(`${basename(file, '.json')}.safetensors`),
  );
  if (groups.length > 0) return groups.map((file) => basename(file, '.json')).sort();
  throw new OctavoError(
    'INVALID_FILE',
    `${dir}: expected golden vectors (pairs of NAME.json and NAME.safetensors), found none; name their folder`,
  );
}

/** The cases of a group, with tensors in place of their keys. */
export async function loadGroup(dir: string, group: string): Promise<GoldenCase[]> {
  const file = join(dir, `${group}.json`);
  const { tensors } = await readSafetensors(join(dir, `${group}.safetensors`));
  const cases = parse(file, await readFile(file, 'utf8'));
  const resolved = (roles: Readonly<Record<string, string | number>>): Record<string, GoldenValue> =>
    Object.fromEntries(
      Object.entries(roles).map(([role, value]) => {
        const tensor = typeof value === 'string' ? tensors[value] : value;
        if (tensor === undefined) throw invalid(file, `there is no tensor '${value}' for role '${role}'`);
        return [role, tensor];
      }),
    );
  return cases.map((each) => ({ ...each, inputs: resolved(each.inputs), outputs: resolved(each.outputs) }));
}

type StoredCase = Omit<GoldenCase, 'inputs' | 'outputs'> &
  Record<'inputs' | 'outputs', Record<string, string | number>>;

function parse(file: string, text: string): StoredCase[] {
  let cases: unknown;
  try {
    cases = JSON.parse(text);
  } catch (cause) {
    throw invalid(file, `expected JSON (${(cause as Error).message})`, cause);
  }
  const good = (each: Partial<StoredCase> | null): boolean =>
    typeof each?.name === 'string' &&
    typeof each.op === 'string' &&
    [each.params, each.inputs, each.outputs].every(isObject);
  if (Array.isArray(cases) && cases.every(good)) return cases as StoredCase[];
  throw invalid(file, 'expected an array of cases with name, op, params, inputs and outputs');
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function invalid(file: string, why: string, cause?: unknown): OctavoError {
  return new OctavoError('INVALID_FILE', `${file}: ${why}; copy the golden vectors again`, { cause });
}
