import type { Rule } from '../../import/rule.js';
import { ATTENTION_RULES } from './attention.js';
import { EINSUM_RULES } from './einsum.js';
import { FUSED_TRANSFORMER_RULES } from './fused-transformers.js';
import { gatherNd } from './gather-nd.js';
import { MATH_RULES } from './math.js';
import { matmulNBits } from './matmul-nbits.js';
import { NN_RULES } from './nn.js';
import { PAD_RULES } from './pads.js';
import { QUANTIZED_RULES } from './quantized.js';
import { RECURRENT_RULES } from './recurrent.js';
import { REDUCE_RULES } from './reduce.js';
import { RESIZE_RULES } from './resize.js';
import { ROTARY_RULES } from './rotary-embedding.js';
import { scaledDotAttention } from './scaled-dot-attention.js';
import { SCATTER_RULES } from './scatter.js';
import { SHAPE_RULES } from './shape.js';

/** Every ONNX operator that is imported, by type; those of another domain with it in front: `com.microsoft::QGemm`. */
export const ONNX_RULES: Readonly<Record<string, Rule>> = {
  ...MATH_RULES,
  ...SHAPE_RULES,
  ...NN_RULES,
  ...PAD_RULES,
  ...RESIZE_RULES,
  ...REDUCE_RULES,
  ...EINSUM_RULES,
  ...QUANTIZED_RULES,
  ...RECURRENT_RULES,
  ...ATTENTION_RULES,
  ...SCATTER_RULES,
  ...FUSED_TRANSFORMER_RULES,
  ...ROTARY_RULES,
  Attention: scaledDotAttention,
  GatherND: gatherNd,
  'com.microsoft::MatMulNBits': matmulNBits,
};
