import { dequantizeValue, inverseScale, quantizeValue } from '../../numerics/quantize.js';
import { checkAxis } from '../../tensor/shape.js';
import { attrNumber } from '../check.js';
import { forEachRowAlong, softmaxRow } from '../normalize.js';
import type { OpDef } from '../op-def.js';
import { checkQParamAttrs, codeRange, codesMeta, codesOf, codesTensor, qparamsOf } from './codes.js';

/** quantize(softmax(dequantize(x))) along `dim`, with `aten::softmax`'s bits. PyTorch's `quantized::softmax`. */
export const quantizedSoftmax: OpDef = {
  name: 'quantized::softmax',
  opcode: 73,
  inputs: ['x'],
  attrs: { dim: 'int', xScale: 'float', xZeroPoint: 'int', scale: 'float', zeroPoint: 'int' },
  outputs: ['y'],
  infer([xMeta], attrs) {
    const x = codesMeta(this.name, 'x', xMeta);
    checkAxis(attrNumber(attrs, 'dim', -1), x.dims.length, this.name);
    checkQParamAttrs(this.name, attrs, x.dtype, 'x', '');
    return [x];
  },
  reference([xOperand], attrs) {
    const { type, data, dims } = codesOf(xOperand);
    const { qmin, qmax } = codeRange(type);
    const [x, out] = [qparamsOf(attrs, 'x'), qparamsOf(attrs, '')];
    const inverse = inverseScale(out.scale);
    const values = Float32Array.from(data, (code) => dequantizeValue(code, x.scale, x.zeroPoint));
    forEachRowAlong(this.name, dims, attrs, (start, count, stride) => softmaxRow(values, start, count, stride));
    return [
      codesTensor(type, dims, (y) => {
        for (let i = 0; i < y.length; i++)
          y[i] = quantizeValue(values[i] as number, inverse, out.zeroPoint, qmin, qmax);
      }),
    ];
  },
};
