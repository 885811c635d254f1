import { cos, erf, exp, gelu, geluTanh, sigmoid, sin, tanh } from '../numerics/elementary.js';
import { ACTIVATIONS } from './activation.js';
import type { OpDef } from './op-def.js';
import { unaryOp } from './unary-op.js';

const f = Math.fround;

function unary(name: string, opcode: number, fn: (x: number) => number): OpDef {
  return unaryOp(name, opcode, [], () => fn);
}

/** Exact by erf; see `numerics/elementary.ts` for every formula. */
export const geluOp = unary('aten::gelu', 8, gelu);
export const relu = unary('aten::relu', 9, ACTIVATIONS.relu.apply);
export const tanhOp = unary('aten::tanh', 10, tanh);
export const sigmoidOp = unary('aten::sigmoid', 11, sigmoid);
export const erfOp = unary('aten::erf', 12, erf);
export const expOp = unary('aten::exp', 13, exp);
export const sqrt = unary('aten::sqrt', 14, (x) => f(Math.sqrt(x)));
export const neg = unary('aten::neg', 15, (x) => -x);
export const sinOp = unary('aten::sin', 82, sin);
export const cosOp = unary('aten::cos', 83, cos);
/** By tanh. */
export const geluTanhOp = unary('aten::gelu_tanh', 85, geluTanh);
