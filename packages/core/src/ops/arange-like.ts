import { checkAxis } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { attrNumber, dimsOf, shapeError, tensorMeta } from './check.js';
import type { OpDef } from './op-def.js';

/** Positions without reading dims: int64 [n] = 0 .. n - 1, where n is the size of x (any dtype) along `dim`. */
export const arangeLike: OpDef = {
  name: 'octavo::arange_like',
  opcode: 28,
  inputs: ['x'],
  attrs: { dim: 'int' },
  outputs: ['y'],
  infer([xMeta], attrs) {
    const { dims } = tensorMeta(this.name, 'x', xMeta);
    if (dims.length === 0) throw shapeError(this.name, 'a tensor with a dim to count', dims);
    const axis = checkAxis(attrNumber(attrs, 'dim', 0), dims.length, this.name);
    return [{ dtype: 'int64', dims: [dims[axis] as number] }];
  },
  reference([x], attrs) {
    const dims = dimsOf(x);
    const count = dims[checkAxis(attrNumber(attrs, 'dim', 0), dims.length, this.name)] as number;
    return [
      new Tensor(
        'int64',
        BigInt64Array.from({ length: count }, (_, i) => BigInt(i)),
        [count],
      ),
    ];
  },
};
