import type { OpDef } from '../op-def.js';
import { INTEGER_PRODUCT_OPS } from './integer-products.js';
import { LINEAR_QUANTIZATION_OPS } from './linear-quantization.js';
import { ARITHMETIC_OPS, COMPARISON_OPS, MATH_UNARY_OPS } from './math.js';
import { PICK_OPS, sliceLike } from './pick.js';
import { RECURRENT_OPS } from './recurrent.js';
import { REDUCE_OPS } from './reduce.js';

const { quantizeLinear, dequantizeLinear, dynamicQuantizeLinear, requantizeLinear } = LINEAR_QUANTIZATION_OPS;
const { matmulInteger, convInteger } = INTEGER_PRODUCT_OPS;

/** Ops that imported graphs need besides those of modules, in the order of their opcodes: 120 to 171. */
export const ARRAY_OPS: readonly OpDef[] = [
  ...MATH_UNARY_OPS, // 120
  ...COMPARISON_OPS, // 128
  ...ARITHMETIC_OPS, // 134
  ...PICK_OPS, // 143
  ...REDUCE_OPS, // 153
  quantizeLinear, // 161
  dequantizeLinear,
  dynamicQuantizeLinear,
  matmulInteger,
  convInteger, // 165
  requantizeLinear,
  ...RECURRENT_OPS, // 167
  sliceLike, // 171
];
