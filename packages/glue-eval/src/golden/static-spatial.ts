import { type Attrs, dispatch, opByName, Q, QuantizedTensor, type Tensor } from '@octavo/core';
import type { GoldenCase } from './golden-case.js';
import type { GoldenOperator } from './golden-operator.js';
import { quantizedOf, resultOf } from './static-elementwise.js';

// The golden group `elementwise`: pools, means and resizing of images.

/**
 * An average pool by the op itself: PyTorch's formula for tensors that are not channels-last exists only there, for
 * vectors that say so; the typed functions always use the other one.
 */
function averagePool(name: string, attrsOf: (golden: GoldenCase) => Attrs): GoldenOperator {
  return (golden) => {
    const x = quantizedOf(golden, 'x');
    const nchw = golden.params.channels_last === false ? 1 : 0;
    const attrs = { ...attrsOf(golden), xZeroPoint: x.zeroPoints[0] as number, nchw };
    const [codes] = dispatch(opByName(name), [x.values], attrs);
    return resultOf(new QuantizedTensor(x.dtype, codes as Tensor, x));
  };
}

const both = (value: unknown): number[] => [value as number, value as number];

/** By the `op` of a case. */
export const spatialOperators: Readonly<Record<string, GoldenOperator>> = {
  max_pool2d: (golden) => {
    const { kernel, stride, padding } = golden.params as Record<string, number>;
    return resultOf(Q.maxPool2d(quantizedOf(golden, 'x'), kernel as number, { stride, padding }));
  },
  avg_pool2d: averagePool('quantized::avg_pool2d', ({ params }) => ({
    kernel: both(params.kernel),
    stride: both(params.stride),
    padding: both(params.padding),
    ceilMode: 0,
    countIncludePad: Number(params.count_include_pad),
    divisor: 0,
  })),
  adaptive_avg_pool2d: averagePool('quantized::adaptive_avg_pool2d', ({ params }) => ({
    outputSize: params.output_size as readonly number[],
  })),
  mean: (golden) => {
    const { dim, keepdim } = golden.params;
    return resultOf(Q.mean(quantizedOf(golden, 'x'), dim as readonly number[], keepdim === true));
  },
  interpolate: (golden) => {
    const { size, mode, align_corners } = golden.params;
    return resultOf(
      Q.interpolate(quantizedOf(golden, 'x'), size as unknown as readonly [number, number], {
        mode: mode as 'nearest' | 'bilinear',
        alignCorners: align_corners === true,
      }),
    );
  },
};
