import {
  ACTIVATIONS,
  DTYPES,
  DYNAMIC_SCHEMES,
  OPS,
  QUANTIZED_DTYPES,
  STATIC_ACTIVATIONS,
  sizeOf,
  Tensor,
} from '@octavo/core';
import type { Node } from './node.js';

/** An op's numbers as in core's op table; names of `prim::GetAttr` and observers; the tensor of a `prim::Constant`. */
export type AttributeValue = number | readonly number[] | string | Tensor;
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** True where an attribute's code stands for something; attributes that are no codes always do. */
export function isKnownCode(name: string, code: number, op: string): boolean {
  return !Object.hasOwn(CODE_NAMES, name) || CODE_NAMES[name]?.(code, op) !== undefined;
}

/** Prints a code by the name it stands for. Ops whose codes are stored integers of a quantized dtype say `quint8`. */
const CODE_NAMES: Readonly<Record<string, (code: number, op: string) => string | undefined>> = {
  activation: (code, op) =>
    Object.hasOwn(OPS[op]?.attrs ?? {}, 'xScale')
      ? keyWhere(STATIC_ACTIVATIONS, (activation) => activation === code)
      : keyWhere(ACTIVATIONS, (activation) => activation.code === code),
  scheme: (code) => keyWhere(DYNAMIC_SCHEMES, (scheme) => scheme === code),
  dtype: (code, op) => {
    const storage = keyWhere(DTYPES, (dtype) => dtype.code === code);
    if (!op.startsWith('aten::quantize_')) return storage;
    return keyWhere(QUANTIZED_DTYPES, (dtype) => dtype.storage === storage);
  },
};

/** `[dim=-1]` behind an op's name, or nothing. An activation of `none` is left out, as before it was fused. */
export function formatAttributes({ op, attrs }: Node): string {
  const kinds = OPS[op]?.attrs ?? {};
  const order = [...Object.keys(kinds), ...Object.keys(attrs).filter((name) => !Object.hasOwn(kinds, name))];
  const parts = order.flatMap((name) => {
    const value = attrs[name];
    if (value === undefined || (name === 'activation' && value === ACTIVATIONS.none.code)) return [];
    return [`${name}=${formatValue(name, value, op, kinds[name])}`];
  });
  return parts.length === 0 ? '' : `[${parts.join(', ')}]`;
}

function formatValue(name: string, value: AttributeValue, op: string, kind: string | undefined): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Tensor.is(value)) return formatConstant(value);
  if (typeof value !== 'number') return `[${value.join(', ')}]`;
  return CODE_NAMES[name]?.(value, op) ?? (kind === 'float' ? formatFloat(value) : String(value));
}

/** `{4.}` for a single number, as TorchScript does; larger tensors are not spelled out. */
function formatConstant({ type, raw }: Tensor): string {
  if (sizeOf(raw.dims) !== 1 || type === 'float16') return '<Tensor>';
  const value = raw.data[0] as number | bigint;
  return `{${type === 'float32' ? formatFloat(Number(value)) : value}}`;
}

/** As JavaScript prints it, but a whole float keeps its point, and a small one is written `1e-5`. */
function formatFloat(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return `${value}.`;
  return Math.abs(value) < 1e-3 ? value.toExponential() : String(value);
}

function keyWhere<T>(table: Readonly<Record<string, T>>, test: (entry: T) => boolean): string | undefined {
  return Object.keys(table).find((key) => test(table[key] as T));
}
