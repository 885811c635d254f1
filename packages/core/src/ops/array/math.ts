import { log } from '../../numerics/elementary.js';
import { bigintPower, integerPower, power } from '../../numerics/power.js';
import { rint } from '../../numerics/round.js';
import type { OpDef } from '../op-def.js';
import { binaryOp, unaryOp } from './numeric.js';

const f = Math.fround;
const absBig = (x: bigint): bigint => (x < 0n ? -x : x);
const sign = (x: number): number => (x > 0 ? 1 : x < 0 ? -1 : x);

/** Functions of one tensor. Rounding is half to even; a sign of 0 is 0 and of NaN is NaN. */
export const MATH_UNARY_OPS: readonly OpDef[] = [
  unaryOp('aten::abs', 120, { float: Math.abs, integer: Math.abs, int64: absBig }),
  unaryOp('aten::floor', 121, { float: Math.floor }),
  unaryOp('aten::ceil', 122, { float: Math.ceil }),
  unaryOp('aten::round', 123, { float: rint }),
  unaryOp('aten::sign', 124, { float: sign, integer: sign, int64: (x) => (x > 0n ? 1n : x < 0n ? -1n : 0n) }),
  unaryOp('aten::reciprocal', 125, { float: (x) => f(1 / x) }),
  unaryOp('aten::log', 126, { float: log }),
  unaryOp('aten::logical_not', 127, { bool: (x) => (x === 0 ? 1 : 0) }),
];

/** Comparisons and logic: bool results; with NaN only `ne` is true. */
export const COMPARISON_OPS: readonly OpDef[] = [
  binaryOp(
    'aten::eq',
    128,
    same((a, b) => a === b, 'with bool'),
    'bool',
  ),
  binaryOp(
    'aten::lt',
    129,
    same((a, b) => a < b),
    'bool',
  ),
  binaryOp(
    'aten::le',
    130,
    same((a, b) => a <= b),
    'bool',
  ),
  binaryOp('aten::logical_and', 131, { bool: (a, b) => a !== 0 && b !== 0 }, 'bool'),
  binaryOp('aten::logical_or', 132, { bool: (a, b) => a !== 0 || b !== 0 }, 'bool'),
  binaryOp('aten::logical_xor', 133, { bool: (a, b) => (a !== 0) !== (b !== 0) }, 'bool'),
];

/**
 * minimum and maximum pass NaN on; pow of floats is `numerics/power.ts`; integer arithmetic wraps, a division
 * truncates toward zero and gives 0 for a divisor of 0. fmod has the sign of the dividend, remainder of the divisor.
 */
export const ARITHMETIC_OPS: readonly OpDef[] = [
  binaryOp(
    'aten::minimum',
    134,
    same((a, b) => (a < b || Number.isNaN(a) ? a : b)),
  ),
  binaryOp(
    'aten::maximum',
    135,
    same((a, b) => (a > b || Number.isNaN(a) ? a : b)),
  ),
  binaryOp('aten::fmod', 136, {
    float: (a, b) => f(a % b),
    integer: (a, b) => (b === 0 ? 0 : a % b),
    int64: (a, b) => (b === 0n ? 0n : a % b),
  }),
  binaryOp('aten::remainder', 137, {
    float: (a, b) => {
      const rest = a % b;
      return rest === 0 || rest < 0 === b < 0 ? f(rest) : f(rest + b);
    },
    integer: (a, b) => (b === 0 ? 0 : ((a % b) + b) % b),
    int64: (a, b) => (b === 0n ? 0n : ((a % b) + b) % b),
  }),
  binaryOp('aten::pow', 138, { float: power, integer: integerPower, int64: bigintPower }),
  binaryOp('octavo::add_integers', 139, { integer: (a, b) => a + b, int64: (a, b) => a + b }),
  binaryOp('octavo::sub_integers', 140, { integer: (a, b) => a - b, int64: (a, b) => a - b }),
  binaryOp('octavo::mul_integers', 141, { integer: Math.imul, int64: (a, b) => a * b }),
  binaryOp('octavo::div_integers', 142, {
    integer: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)),
    int64: (a, b) => (b === 0n ? 0n : a / b),
  }),
];

/** One formula for numbers and bigints, which compare alike. */
function same<R>(formula: (a: number, b: number) => R, bool?: 'with bool') {
  const int64 = formula as unknown as (a: bigint, b: bigint) => Extract<R, boolean> & bigint;
  return { float: formula, integer: formula, int64, ...(bool && { bool: formula }) } as never;
}
