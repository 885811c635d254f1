import { Tensor } from '../tensor/tensor.js';
import { tensorMeta } from './check.js';
import type { OpDef } from './op-def.js';

/**
 * The same tensor in another order of memory: `channelsLast` 1 or 0. Layouts are private to a backend, which puts this op
 * between others when it compiles a program; dims and values are the input's, of any dtype.
 */
export const toLayout: OpDef = {
  name: 'octavo::to_layout',
  opcode: 113,
  inputs: ['x'],
  attrs: { channelsLast: 'int' },
  outputs: ['y'],
  infer([x]) {
    return [tensorMeta(this.name, 'x', x)];
  },
  reference([x]) {
    const { type, raw } = x as Tensor;
    return [new Tensor(type, raw.data.slice(), raw.dims)];
  },
};
