import { broadcastDims, broadcastStrides, type Dims, sizeOf } from '../tensor/shape.js';
import { forEachIndex } from '../tensor/strided.js';
import { Tensor } from '../tensor/tensor.js';
import { checkRank, dimsOf, floats, tensorMeta } from './check.js';
import type { OpDef } from './op-def.js';

const f = Math.fround;

/**
 * An element-wise float32 op of two operands under NumPy's broadcast, rounded once to float32. The double result of
 * +, -, * and / of two float32 rounds to float32 as the exact one does: 53 bits are more than 2 * 24 + 2
 * (S. Figueroa, "When is double rounding innocuous?", 1995).
 */
function binary(name: string, opcode: number, fn: (a: number, b: number) => number): OpDef {
  return {
    name,
    opcode,
    inputs: ['a', 'b'],
    attrs: {},
    outputs: ['y'],
    infer([aMeta, bMeta]) {
      const a = tensorMeta(name, 'a', aMeta, 'float32');
      const b = tensorMeta(name, 'b', bMeta, 'float32');
      return [{ dtype: 'float32', dims: checkRank(name, broadcastDims(a.dims, b.dims, name)) }];
    },
    reference([a, b]) {
      const dims = broadcastDims(dimsOf(a), dimsOf(b), name);
      const y = new Float32Array(sizeOf(dims));
      combine(fn, floats(a), dimsOf(a), floats(b), dimsOf(b), y, dims);
      return [new Tensor('float32', y, dims)];
    },
  };
}

/** y = fn(a, b) over the broadcast dims, one run along the last dimension after the other. */
function combine(
  fn: (a: number, b: number) => number,
  a: Float32Array,
  aDims: Dims,
  b: Float32Array,
  bDims: Dims,
  y: Float32Array,
  dims: Dims,
): void {
  const aStrides = broadcastStrides(aDims, dims);
  const bStrides = broadcastStrides(bDims, dims);
  const run = dims.at(-1) ?? 1;
  const aStep = aStrides.at(-1) ?? 0;
  const bStep = bStrides.at(-1) ?? 0;
  let at = 0;
  forEachIndex(dims.slice(0, -1), [aStrides, bStrides], ([aStart, bStart]) => {
    for (let i = 0; i < run; i++) {
      y[at + i] = fn(a[(aStart as number) + i * aStep] as number, b[(bStart as number) + i * bStep] as number);
    }
    at += run;
  });
}

export const add = binary('aten::add', 16, (a, b) => f(a + b));
export const sub = binary('aten::sub', 17, (a, b) => f(a - b));
export const mul = binary('aten::mul', 18, (a, b) => f(a * b));
export const div = binary('aten::div', 19, (a, b) => f(a / b));
