import { OctavoError } from '../errors.js';
import { Tensor } from '../tensor/tensor.js';
import { dimsOf, floats, tensorMeta } from './check.js';
import type { Attrs, OpDef } from './op-def.js';

/** A function of one float32, once its parameters are known; `param` gives one rounded to float32. */
export type UnaryFunction = (param: (name: string) => number) => (x: number) => number;

/**
 * An element-wise float32 op of one operand, with the named parameters as float attributes. `check` refuses
 * combinations of parameters, all of which are finite numbers by then.
 */
export function unaryOp(
  name: string,
  opcode: number,
  params: readonly string[],
  make: UnaryFunction,
  check?: (attrs: Readonly<Record<string, number>>) => void,
): OpDef {
  return {
    name,
    opcode,
    inputs: ['x'],
    attrs: Object.fromEntries(params.map((param) => [param, 'float'])),
    outputs: ['y'],
    infer([xMeta], attrs) {
      const x = tensorMeta(name, 'x', xMeta, 'float32');
      for (const param of params) checkFinite(name, param, attrs);
      check?.(attrs as Record<string, number>);
      return [x];
    },
    reference([x], attrs) {
      const fn = make((param) => Math.fround(attrs[param] as number));
      return [new Tensor('float32', floats(x).map(fn), dimsOf(x))];
    },
  };
}

function checkFinite(op: string, param: string, attrs: Attrs): void {
  if (Number.isFinite(attrs[param])) return;
  throw new OctavoError('INVALID_ARGUMENT', `[${op}] ${param} must be a finite number, got ${String(attrs[param])}`);
}
