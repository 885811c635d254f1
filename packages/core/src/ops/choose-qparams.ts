import { chooseQParams, finiteRange } from '../numerics/choose-qparams.js';
import { sizeOf } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { attrNumber, dimsOf, floats, shapeError, tensorMeta } from './check.js';
import type { Attrs, OpDef } from './op-def.js';

// Ranges of dynamic quantization as ops of their own: what a debug graph shows before its quantize nodes.

/** Scales float32 [count] and zero points int32 [count], one pair for each `length` elements. */
function chooseEach(data: Float32Array, count: number, length: number, attrs: Attrs): Tensor[] {
  const reduceRange = attrNumber(attrs, 'reduceRange', 0) === 1;
  const scales = new Float32Array(count);
  const zeroPoints = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const { min, max } = finiteRange(data, i * length, length);
    const { scale, zeroPoint } = chooseQParams(min, max, { reduceRange });
    scales[i] = scale;
    zeroPoints[i] = zeroPoint;
  }
  return [new Tensor('float32', scales, [count]), new Tensor('int32', zeroPoints, [count])];
}

/**
 * `torch._choose_qparams_per_tensor`: x float32 of any shape -> scale float32 [1], zeroPoint int32 [1], for uint8 codes.
 * The rule is `numerics/choose-qparams.ts`; NaN and infinities do not count.
 */
export const chooseQParamsPerTensor: OpDef = {
  name: 'aten::_choose_qparams_per_tensor',
  opcode: 30,
  inputs: ['x'],
  attrs: { reduceRange: 'int' },
  outputs: ['scale', 'zeroPoint'],
  infer([xMeta]) {
    tensorMeta(this.name, 'x', xMeta, 'float32');
    return [
      { dtype: 'float32', dims: [1] },
      { dtype: 'int32', dims: [1] },
    ];
  },
  reference([x], attrs) {
    const data = floats(x);
    return chooseEach(data, 1, data.length, attrs);
  },
};

/** The same rule for each row of the last dimension: x float32 [..., k] -> scales float32 [rows], zeroPoints int32 [rows]. */
export const chooseQParamsPerRow: OpDef = {
  name: 'octavo::choose_qparams_per_row',
  opcode: 31,
  inputs: ['x'],
  attrs: { reduceRange: 'int' },
  outputs: ['scales', 'zeroPoints'],
  infer([xMeta]) {
    const { dims } = tensorMeta(this.name, 'x', xMeta, 'float32');
    if (dims.length < 1) throw shapeError(this.name, 'x [..., k]', dims);
    const rows = sizeOf(dims.slice(0, -1));
    return [
      { dtype: 'float32', dims: [rows] },
      { dtype: 'int32', dims: [rows] },
    ];
  },
  reference([x], attrs) {
    const dims = dimsOf(x);
    return chooseEach(floats(x), sizeOf(dims.slice(0, -1)), dims.at(-1) as number, attrs);
  },
};
