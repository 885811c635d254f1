import type { NativeBackend } from './native.js';

/** Ops whose time goes into a GEMM of codes; all others but the next are loops over rows. */
const ON_CODES = new Set([
  'octavo::linear_quantized',
  'quantized::linear_dynamic',
  'quantized::linear',
  'quantized::conv',
  'quantized::conv_transpose',
  'quantized::matmul',
]);

const ON_FLOATS = new Set([
  'aten::linear',
  'aten::matmul',
  'aten::conv',
  'aten::conv_transpose',
  'octavo::conv_affine',
  'octavo::multi_head_attention',
  'aten::scaled_dot_product_attention',
]);

/** The kernel that an op spends its time in: a GEMM by the name of its file, else `rows__<isa>`. */
export function kernelName(op: string, { isa, kernelNames }: Pick<NativeBackend, 'isa' | 'kernelNames'>): string {
  if (ON_CODES.has(op)) return kernelNames.gemmU8S8;
  return ON_FLOATS.has(op) ? kernelNames.gemmF32 : `rows__${isa}`;
}
