import { dynamicLinearAttrs, PRESETS, type QConfig } from '@octavo/observers';
import { unknownName } from '../unknown-name.js';

/** A preset of the dynamic scheme that linears have kernels for. */
export interface DynamicPreset {
  /** Its short name, as in tables: `perRow`. */
  readonly name: string;
  readonly qconfig: QConfig;
}

/** All of them by every name they have. */
const BY_NAME: ReadonlyMap<string, DynamicPreset> = new Map(
  Object.entries(PRESETS).flatMap(([fullName, { scheme, aliases, qconfig }]) => {
    if (scheme !== 'dynamic' || !hasInt8Linear(qconfig)) return [];
    const preset = { name: aliases[0] ?? fullName, qconfig };
    return [...aliases, fullName].map((name) => [name, preset] as const);
  }),
);

function hasInt8Linear(qconfig: QConfig): boolean {
  try {
    dynamicLinearAttrs(qconfig);
    return true;
  } catch {
    return false;
  }
}

/** `perRow`, `default`, `perChannel`. */
export const DYNAMIC_QCONFIGS: readonly string[] = [...new Set([...BY_NAME.values()].map(({ name }) => name))];

/** The preset of a short name (`perRow`) or a full one (`perRowDynamicQConfig`), or an error with the nearest name. */
export function dynamicPreset(name: string): DynamicPreset {
  const preset = BY_NAME.get(name);
  if (preset !== undefined) return preset;
  throw unknownName('qconfig', name, DYNAMIC_QCONFIGS);
}
