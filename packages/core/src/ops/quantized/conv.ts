import { OctavoError } from '../../errors.js';
import { ConvPackedParams } from '../../tensor/conv-packed-params.js';
import { Tensor } from '../../tensor/tensor.js';
import { dimsOf, tensorMeta } from '../check.js';
import { convDims } from '../conv-taps.js';
import type { Attrs, OpDef, Operand, OperandMeta, TensorMeta } from '../op-def.js';
import { convCodes, transposedConvWeight } from './conv-codes.js';
import { centredWeight, checkStaticAttrs, STATIC_QPARAMS, staticRequantization } from './static-requantization.js';

/**
 * Static quantized convolution over 1, 2 or 3 spatial axes, PyTorch's `quantized::conv1d`, `conv2d`, `conv3d` and, by
 * `activation`, their `_relu` forms: x uint8 codes [batch, in, ...spatial] with xScale and xZeroPoint, packed weight
 * [out, in / groups, ...kernel] -> uint8 codes [batch, out, ...] with scale and zeroPoint.
 * A spatial dim of the output is floor((dim + begin + end - dilation * (kernel - 1) - 1) / stride) + 1.
 * acc = sum of (x - xZeroPoint) * (weight - weightZeroPoint), exact int32, where padding counts as xZeroPoint. PyTorch's
 * depthwise kernels saturate pairs of products in int16; ours never do. Codes from sums: `numerics/requantize.ts`.
 * activation: 0 none, 1 relu, 3 relu6.
 */
export const quantizedConv: OpDef = {
  name: 'quantized::conv',
  opcode: 37,
  inputs: ['x', 'packed'],
  attrs: { ...STATIC_QPARAMS, activation: 'int' },
  outputs: ['y'],
  infer(operands, attrs) {
    return inferConv(this.name, operands, attrs, false);
  },
  reference(operands, attrs) {
    return convolve(this.name, operands, attrs);
  },
};

/**
 * Static quantized transposed convolution, PyTorch's `quantized::conv_transpose1d`, `2d` and `3d`: x uint8 codes
 * [batch, in, ...spatial], packed weight [in, out / groups, ...kernel] -> uint8 codes [batch, out, ...].
 * A spatial dim of the output is (dim - 1) * stride - begin - end + dilation * (kernel - 1) + outputPadding + 1.
 * Input i and tap t add to output i * stride + t * dilation - begin; sums and codes as in `quantized::conv`.
 */
export const quantizedConvTranspose: OpDef = {
  name: 'quantized::conv_transpose',
  opcode: 38,
  inputs: ['x', 'packed'],
  attrs: STATIC_QPARAMS,
  outputs: ['y'],
  infer(operands, attrs) {
    return inferConv(this.name, operands, attrs, true);
  },
  reference(operands, attrs) {
    return convolve(this.name, operands, attrs);
  },
};

function inferConv(
  op: string,
  [xMeta, packed]: readonly (OperandMeta | null)[],
  attrs: Attrs,
  transposed: boolean,
): TensorMeta[] {
  const x = tensorMeta(op, 'x', xMeta, 'uint8');
  if (!ConvPackedParams.is(packed) || packed.transposed !== transposed) {
    const kind = transposed ? 'transposed ' : '';
    const got = ConvPackedParams.is(packed) ? `, got ${transposed ? 'plain' : 'transposed'} ones` : '';
    throw new OctavoError(
      'INVALID_ARGUMENT',
      `[${op}] packed must be ${kind}ConvPackedParams (quantized, packed weights)${got}`,
    );
  }
  checkStaticAttrs(op, attrs);
  return [{ dtype: 'uint8', dims: convDims(op, x.dims, packed) }];
}

function convolve(op: string, [x, packedParams]: readonly (Operand | null)[], attrs: Attrs): Tensor[] {
  const packed = packedParams as ConvPackedParams;
  const dims = convDims(op, dimsOf(x), packed);
  const codes = convCodes(
    (x as Tensor<'uint8'>).raw,
    attrs.xZeroPoint as number,
    packed,
    packed.transposed ? transposedConvWeight(packed, centredWeight(packed)) : centredWeight(packed),
    dims,
    staticRequantization(packed, packed.outChannels, attrs),
  );
  return [new Tensor('uint8', codes, dims)];
}
