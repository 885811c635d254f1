import { sizeOf } from '../../tensor/shape.js';
import { attrNumber } from '../check.js';
import type { AttrKind, Attrs, OpDef } from '../op-def.js';
import { type CodeType, codeRange, codesMeta, codesOf, codesTensor } from './codes.js';

/** The code that each code becomes, once attributes and range are known. */
export type CodeMap = (attrs: Attrs, range: { qmin: number; qmax: number }) => (code: number) => number;

/**
 * An op of one tensor of codes, any shape: there are 256 codes, so that every such op is a table of 256 entries, and
 * no formula in it costs anything.
 */
export function tableOp(
  name: string,
  opcode: number,
  attrs: Readonly<Record<string, AttrKind>>,
  check: (attrs: Attrs, type: CodeType) => void,
  map: CodeMap,
): OpDef {
  return {
    name,
    opcode,
    inputs: ['x'],
    attrs,
    outputs: ['y'],
    infer([xMeta], values) {
      const x = codesMeta(name, 'x', xMeta);
      check(values, x.dtype);
      return [x];
    },
    reference([x], values) {
      const { type, data, dims } = codesOf(x);
      const { qmin, qmax } = codeRange(type);
      const fn = map(values, { qmin, qmax });
      const table = Int16Array.from({ length: 256 }, (_, i) => fn(qmin + i));
      return [
        codesTensor(type, dims, (y) => {
          for (let i = 0; i < sizeOf(dims); i++) y[i] = table[(data[i] as number) - qmin] as number;
        }),
      ];
    },
  };
}

/** The lowest code a result may have: the zero point where attribute `relu` is 1. */
export function lowestCode(attrs: Attrs, zeroPoint: number, qmin: number): number {
  return attrNumber(attrs, 'relu', 0) === 1 ? zeroPoint : qmin;
}
