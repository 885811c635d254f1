import { OctavoError } from '../errors.js';
import { formatDims } from './shape.js';

/** One number for every spatial axis, or one for each. */
export type PerAxis = number | readonly number[];

/** How a convolution over 1, 2 or 3 spatial axes moves over its input: what float and quantized ones share. */
export interface ConvGeometry {
  readonly inChannels: number;
  readonly outChannels: number;
  /** One number for each spatial axis, as in stride, dilation and outputPadding. */
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  /** [begin..., end...]: two for each spatial axis. */
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly transposed: boolean;
  /** Added to the end of a transposed convolution's output. */
  readonly outputPadding: readonly number[];
}

/** One integer of at least `least` for each of `rank` axes; `where` begins the message of an error. */
export function perAxis(where: string, name: string, value: PerAxis, rank: number, least: number): readonly number[] {
  const list = typeof value === 'number' ? new Array<number>(rank).fill(value) : [...value];
  if (list.length === rank && list.every((x) => Number.isSafeInteger(x) && x >= least)) return Object.freeze(list);
  const asked = rank === 1 ? ', or a list of one' : `, or ${rank} of them`;
  throw invalid(where, `${name} must be an integer of at least ${least}${asked}, got ${formatValue(value)}`);
}

/** Padding as [begin..., end...]: from one number, one for each of `rank` axes, or both ends of each. */
export function paddings(where: string, value: PerAxis, rank: number): readonly number[] {
  const list = typeof value === 'number' ? new Array<number>(rank).fill(value) : [...value];
  const both = list.length === rank ? [...list, ...list] : list;
  if (both.length === 2 * rank && both.every((x) => Number.isSafeInteger(x) && x >= 0)) return Object.freeze(both);
  throw invalid(
    where,
    `padding must be an integer of at least 0, ${rank} of them, or ${2 * rank} as [begin..., end...], got ${formatValue(value)}`,
  );
}

/** Refuses output padding of a plain convolution, and one that no stride or dilation can give. */
export function checkOutputPadding(
  where: string,
  { outputPadding, transposed, stride, dilation }: Omit<ConvGeometry, 'kernel' | 'inChannels' | 'outChannels'>,
): void {
  if (!transposed && outputPadding.some((x) => x !== 0)) {
    throw invalid(where, `outputPadding belongs to transposed convolutions, got ${formatDims(outputPadding)}`);
  }
  if (outputPadding.some((x, i) => x > 0 && x >= Math.max(stride[i] as number, dilation[i] as number))) {
    throw invalid(
      where,
      `outputPadding must be smaller than stride or dilation, got ${formatDims(outputPadding)} with stride ` +
        `${formatDims(stride)} and dilation ${formatDims(dilation)}`,
    );
  }
}

function invalid(where: string, message: string): OctavoError {
  return new OctavoError('INVALID_ARGUMENT', `[${where}] ${message}`);
}

function formatValue(value: PerAxis): string {
  return typeof value === 'number' ? String(value) : formatDims(value);
}
