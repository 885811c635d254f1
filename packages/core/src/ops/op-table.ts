import { didYouMean, OctavoError } from '../errors.js';
import { arangeLike } from './arange-like.js';
import { ARRAY_OPS } from './array/index.js';
import { SHAPE_VALUE_OPS } from './array/pick.js';
import { attention } from './attention.js';
import { attentionInt8 } from './attention-int8.js';
import { batchNorm } from './batch-norm.js';
import { to } from './cast.js';
import { cat } from './cat.js';
import { chooseQParamsPerRow, chooseQParamsPerTensor } from './choose-qparams.js';
import { conv, convAffine, convTranspose } from './conv.js';
import { add, div, mul, sub } from './elementwise.js';
import { embedding } from './embedding.js';
import { embeddingBag } from './embedding-bag.js';
import { finiteRangeOp, histc } from './histogram.js';
import { permute, select, slice } from './layout.js';
import { linear } from './linear.js';
import { linearDynamic, linearQuantized, quantizeDynamicRows } from './linear-dynamic.js';
import { linearWeightOnly } from './linear-weight-only.js';
import { logSoftmax } from './log-softmax.js';
import { matmul } from './matmul.js';
import { mean } from './mean.js';
import { groupNorm, layerNorm, softmax } from './normalize.js';
import type { OpDef } from './op-def.js';
import { pad, quantizedPad } from './pad.js';
import * as parametric from './parametric-activations.js';
import { adaptiveAvgPool, avgPool, maxPool } from './pool.js';
import { dequantize, quantizePerChannel, quantizePerRow, quantizePerTensor } from './quantize.js';
import * as activations from './quantized/activations.js';
import { addLinear, quantizedAdd, quantizedMul } from './quantized/binary.js';
import { quantizedConv, quantizedConvTranspose } from './quantized/conv.js';
import { EMBEDDING_TABLE_OPS } from './quantized/embedding.js';
import { quantizedLinear } from './quantized/linear.js';
import { quantizedMatmul } from './quantized/matmul.js';
import { meanLinear, quantizedMean } from './quantized/mean.js';
import * as norms from './quantized/norm.js';
import * as pools from './quantized/pool.js';
import { upsampleBilinear2d, upsampleNearest2d } from './quantized/resize.js';
import { addScalar, mulScalar } from './quantized/scalar.js';
import { quantizedSoftmax } from './quantized/softmax.js';
import { RECURRENT_LAYER_OPS } from './recurrent-layer.js';
import { reshape, reshapeLike, unsqueeze } from './reshape.js';
import { rmsNorm } from './rms-norm.js';
import { scaledDotProductAttention } from './scaled-dot-product-attention.js';
import { toLayout } from './to-layout.js';
import { cosOp, erfOp, expOp, geluOp, geluTanhOp, neg, relu, sigmoidOp, sinOp, sqrt, tanhOp } from './unary.js';
import { upsampleBilinear, upsampleNearest } from './upsample.js';

/** Every op, in the order of the opcodes. A static constant: no bundler can drop a row. */
export const OP_LIST: readonly OpDef[] = [
  linear, // 1
  quantizeDynamicRows,
  linearQuantized,
  linearDynamic,
  layerNorm, // 5
  softmax,
  attention,
  geluOp,
  relu,
  tanhOp, // 10
  sigmoidOp,
  erfOp,
  expOp,
  sqrt,
  neg, // 15
  add,
  sub,
  mul,
  div,
  matmul, // 20
  embedding,
  reshape,
  permute,
  select,
  slice, // 25
  unsqueeze,
  to,
  arangeLike,
  cat,
  chooseQParamsPerTensor, // 30
  chooseQParamsPerRow,
  quantizePerTensor,
  quantizePerRow,
  quantizePerChannel,
  dequantize, // 35
  quantizedLinear,
  quantizedConv,
  quantizedConvTranspose,
  conv,
  convTranspose, // 40
  batchNorm,
  maxPool,
  avgPool,
  adaptiveAvgPool,
  groupNorm, // 45
  parametric.clampOp,
  parametric.hardswish,
  parametric.hardsigmoid,
  parametric.elu,
  quantizedAdd, // 50
  quantizedMul,
  addScalar,
  mulScalar,
  activations.requantize,
  activations.quantizedRelu, // 55
  activations.quantizedClamp,
  activations.quantizedThreshold,
  activations.leakyRelu,
  activations.hardswish,
  activations.hardsigmoid, // 60
  activations.quantizedSigmoid,
  activations.quantizedTanh,
  activations.elu,
  pools.maxPool2d,
  pools.avgPool2d, // 65
  pools.adaptiveAvgPool2d,
  quantizedMean,
  upsampleNearest2d,
  upsampleBilinear2d,
  norms.quantizedBatchNorm, // 70
  norms.quantizedLayerNorm,
  norms.quantizedGroupNorm,
  quantizedSoftmax,
  quantizedMatmul,
  parametric.leakyRelu, // 75
  mean,
  upsampleNearest,
  upsampleBilinear,
  embeddingBag, // 79
  logSoftmax,
  parametric.silu,
  sinOp, // 82
  cosOp,
  scaledDotProductAttention,
  geluTanhOp, // 85
  activations.quantizedGeluTanh,
  rmsNorm,
  pad, // 90
  histc, // 93
  finiteRangeOp,
  quantizedPad, // 95
  convAffine,
  ...EMBEDDING_TABLE_OPS, // 100 to 112
  toLayout,
  ...ARRAY_OPS, // 120 to 171
  addLinear, // 172
  pools.avgPoolLinear,
  pools.adaptiveAvgPoolLinear,
  meanLinear, // 175
  ...RECURRENT_LAYER_OPS, // 177 to 184
  ...SHAPE_VALUE_OPS, // 185, 186
  reshapeLike, // 187
  activations.quantizedGelu, // 190
  attentionInt8,
  linearWeightOnly,
];

/** Every op by name. */
export const OPS: Readonly<Record<string, OpDef>> = Object.freeze(
  Object.fromEntries(OP_LIST.map((op) => [op.name, op])),
);

/** The op of a name, or an UNKNOWN_NAME error with the nearest name. */
export function opByName(name: string): OpDef {
  if (Object.hasOwn(OPS, name)) return OPS[name] as OpDef;
  throw new OctavoError('UNKNOWN_NAME', `unknown op '${name}'${didYouMean(name, Object.keys(OPS))}`, {
    details: { name },
  });
}

/** The op table as text: what native code was built to know of it, a line an op. */
export function describeOps(ops: readonly OpDef[] = OP_LIST): string {
  return ops
    .map(({ opcode, name, inputs, attrs, outputs }) => {
      const encoding = Object.entries(attrs).map(([attr, kind]) => `${attr}:${kind}`);
      return `${opcode} ${name}(${inputs.join(',')}) [${encoding.join(',')}] -> ${outputs.join(',')}`;
    })
    .join('\n');
}

/** FNV-1a (32 bits) of `describeOps`, in hexadecimal. A native backend of another table is refused by it. */
export const OP_TABLE_HASH: string = fnv1a(describeOps());

function fnv1a(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
