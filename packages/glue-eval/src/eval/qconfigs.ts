import { dynamicLinearAttrs, type Observer, PRESETS, type QConfig } from '@octavo/observers';
import { unknownName } from '../unknown-name.js';
import type { SchemeName } from './evaluation.js';

/** A preset that models can be quantized with in a scheme. */
export interface QConfigPreset {
  /** Its short name, as in tables: `perRow`. */
  readonly name: string;
  readonly qconfig: QConfig;
}

/** The presets of a scheme by every name they have. */
function presetsOf(scheme: SchemeName, usable: (qconfig: QConfig) => boolean): ReadonlyMap<string, QConfigPreset> {
  return new Map(
    Object.entries(PRESETS).flatMap(([fullName, row]) => {
      if (row.scheme !== scheme || !usable(row.qconfig)) return [];
      const preset = { name: row.aliases[0] ?? fullName, qconfig: row.qconfig };
      return [...row.aliases, fullName].map((name) => [name, preset] as const);
    }),
  );
}

const BY_NAME: Readonly<Record<SchemeName, ReadonlyMap<string, QConfigPreset>>> = {
  dynamic: presetsOf('dynamic', hasInt8Linear),
  static: presetsOf('static', hasInt8Convolution),
};

function hasInt8Linear(qconfig: QConfig): boolean {
  try {
    dynamicLinearAttrs(qconfig);
    return true;
  } catch {
    return false;
  }
}

/** Activations as quint8 and weights as qint8 are what convolutions have kernels for. */
function hasInt8Convolution({ activation, weight }: QConfig): boolean {
  return dtypeOf(activation()) === 'quint8' && dtypeOf(weight()) === 'qint8';
}

function dtypeOf(observer: Observer): unknown {
  return 'dtype' in observer ? observer.dtype : null;
}

/** Short names of the presets of each scheme: `perRow`, `default`, `perChannel`; `fbgemm`, ... */
export const QCONFIG_NAMES: Readonly<Record<SchemeName, readonly string[]>> = {
  dynamic: shortNames('dynamic'),
  static: shortNames('static'),
};

function shortNames(scheme: SchemeName): string[] {
  return [...new Set([...BY_NAME[scheme].values()].map(({ name }) => name))];
}

/** The preset of a short name (`perRow`) or a full one (`perRowDynamicQConfig`), or an error with the nearest name. */
export function presetOf(scheme: SchemeName, name: string): QConfigPreset {
  const preset = BY_NAME[scheme].get(name);
  if (preset !== undefined) return preset;
  throw unknownName('qconfig', name, QCONFIG_NAMES[scheme]);
}
