import { OctavoError } from '@octavo/core';

/**
 * Integer ranges by dtype, full and with `reduceRange` (PyTorch, torch/ao/quantization/utils.py,
 * `calculate_qmin_qmax`). Both spellings of the 8-bit and 32-bit types mean the same range; the float dtypes are what
 * placeholders carry and have no range.
 */
const RANGES = {
  quint8: { full: [0, 255], reduced: [0, 127] },
  uint8: { full: [0, 255], reduced: [0, 127] },
  qint8: { full: [-128, 127], reduced: [-64, 63] },
  int8: { full: [-128, 127], reduced: [-64, 63] },
  qint32: { full: [-2147483648, 2147483647], reduced: [-2147483648, 2147483647] },
  int32: { full: [-2147483648, 2147483647], reduced: [-2147483648, 2147483647] },
  int16: { full: [-32768, 32767], reduced: [-32768, 32767] },
  uint16: { full: [0, 65535], reduced: [0, 65535] },
  quint4x2: { full: [0, 15], reduced: [0, 15] },
} as const;

/** What an observer's codes may be. */
export type ObserverDType = keyof typeof RANGES;
/** What a placeholder may stand for: codes, or floats of a width. */
export type PlaceholderDType = ObserverDType | 'float16' | 'float32';

export const OBSERVER_DTYPES = Object.keys(RANGES) as readonly ObserverDType[];

export interface QuantRange {
  readonly quantMin: number;
  readonly quantMax: number;
  /** True where the caller gave the range: it moves the zero point of symmetric unsigned codes. */
  readonly customized: boolean;
}

/**
 * The codes an observer may use. A given range wins over the dtype's, must contain 0, and is halved by *floor* with
 * `reduceRange` (-127 becomes -64, where the dynamic ops' rule truncates to -63).
 */
export function quantRange(
  observer: string,
  dtype: ObserverDType,
  options: { quantMin?: number; quantMax?: number; reduceRange?: boolean },
): QuantRange {
  const { quantMin, quantMax, reduceRange = false } = options;
  const range = RANGES[dtype];
  if (quantMin === undefined && quantMax === undefined) {
    const [low, high] = reduceRange ? range.reduced : range.full;
    return { quantMin: low, quantMax: high, customized: false };
  }
  if (!Number.isInteger(quantMin) || !Number.isInteger(quantMax)) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[${observer}] quantMin and quantMax are given together, as integers; got ${quantMin} and ${quantMax}`,
    );
  }
  const [low, high] = [quantMin as number, quantMax as number];
  if (low > 0 || high < 0 || low >= high) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[${observer}] a quantization range must contain 0 and more than one code; got ${low} to ${high}`,
    );
  }
  const [first, last] = range.full;
  if (high - low > last - first) {
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[${observer}] ${low} to ${high} are more codes than ${dtype} has (${first} to ${last})`,
    );
  }
  const halve = (code: number) => (reduceRange ? Math.floor(code / 2) : code);
  return { quantMin: halve(low), quantMax: halve(high), customized: true };
}
