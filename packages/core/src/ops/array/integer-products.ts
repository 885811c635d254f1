import { type Dims, sizeOf } from '../../tensor/shape.js';
import { forEachIndex } from '../../tensor/strided.js';
import { Tensor } from '../../tensor/tensor.js';
import { attrList, attrNumber, dimsOf, shapeError, tensorMeta } from '../check.js';
import { matrixStrides, productDims } from '../matmul.js';
import type { Attrs, OpDef, Operand, OperandMeta } from '../op-def.js';

// Exact int32 products of codes less their zero points (ONNX MatMulInteger and ConvInteger). Sums wrap beyond int32.

type Codes = Tensor<'uint8' | 'int8'>;

/** Codes as int32, to subtract zero points from. */
function wide(operand: Operand | null | undefined): Int32Array {
  return Int32Array.from((operand as Codes).raw.data as Uint8Array);
}

function codesMeta(op: string, name: string, meta: OperandMeta | null | undefined) {
  return tensorMeta(op, name, meta, 'uint8', 'int8');
}

/** Zero points of the rows or columns of matrices [..., rows, columns]: one, one a row (column), or of rank 2 and more. */
function subtractZeroPoints(
  codes: Int32Array,
  dims: Dims,
  zero: Operand | null | undefined,
  along: 'rows' | 'columns',
) {
  if (!zero) return;
  const { data, dims: zeroDims } = (zero as Codes).raw;
  const [rows, columns] = dims.slice(-2) as [number, number];
  const lines = along === 'rows' ? rows : columns;
  // Of one dim they repeat for each matrix; of more, each matrix has its own.
  const perMatrix = zeroDims.length > 1 && data.length > lines;
  for (let i = 0; i < codes.length; i++) {
    const line = along === 'rows' ? Math.floor(i / columns) % rows : i % columns;
    const matrix = perMatrix ? Math.floor(i / (rows * columns)) * lines : 0;
    codes[i] = (codes[i] as number) - (data[data.length === 1 ? 0 : matrix + line] as number);
  }
}

function checkZeroPoints(
  op: string,
  name: string,
  meta: OperandMeta | null | undefined,
  lines: number,
  matrices = 1,
): void {
  if (!meta) return;
  const { dims } = codesMeta(op, name, meta);
  const count = sizeOf(dims);
  if (count === 1 || count === lines || (dims.length > 1 && count === lines * matrices)) return;
  throw shapeError(op, `${name}: one, or ${lines}`, dims);
}

/** a [..., m, k], b [..., k, n] of uint8 or int8 -> int32 [..., m, n]; zero points: one, or one a row of a, a column of b. */
const matmulInteger: OpDef = {
  name: 'octavo::matmul_integer',
  opcode: 164,
  inputs: ['a', 'b', 'aZeroPoint?', 'bZeroPoint?'],
  attrs: {},
  outputs: ['acc'],
  infer([aMeta, bMeta, aZero, bZero]) {
    const a = codesMeta(this.name, 'a', aMeta);
    const b = codesMeta(this.name, 'b', bMeta);
    const dims = productDims(this.name, a.dims, b.dims);
    checkZeroPoints(this.name, 'aZeroPoint', aZero, a.dims.at(-2) as number, sizeOf(a.dims.slice(0, -2)));
    checkZeroPoints(this.name, 'bZeroPoint', bZero, b.dims.at(-1) as number, sizeOf(b.dims.slice(0, -2)));
    return [{ dtype: 'int32', dims }];
  },
  reference([a, b, aZero, bZero]) {
    const dims = productDims(this.name, dimsOf(a), dimsOf(b));
    const [m, n] = dims.slice(-2) as [number, number];
    const k = dimsOf(a).at(-1) as number;
    const [x, w] = [wide(a), wide(b)];
    subtractZeroPoints(x, dimsOf(a), aZero, 'rows');
    subtractZeroPoints(w, dimsOf(b), bZero, 'columns');
    const y = new Int32Array(sizeOf(dims));
    const batch = dims.slice(0, -2);
    let at = 0;
    forEachIndex(batch, [matrixStrides(dimsOf(a), batch), matrixStrides(dimsOf(b), batch)], ([aStart, bStart]) => {
      for (let i = 0; i < m; i++) {
        const row = at + i * n;
        for (let p = 0; p < k; p++) {
          const factor = x[(aStart as number) + i * k + p] as number;
          const from = (bStart as number) + p * n;
          for (let j = 0; j < n; j++) y[row + j] = (y[row + j] as number) + factor * (w[from + j] as number);
        }
      }
      at += m * n;
    });
    return [new Tensor('int32', y, dims)];
  },
};

interface Geometry {
  readonly dims: Dims;
  readonly stride: Dims;
  readonly padding: Dims;
  readonly dilation: Dims;
  readonly groups: number;
}

function geometry(op: string, x: Dims, w: Dims, attrs: Attrs): Geometry {
  const rank = w.length - 2;
  const groups = attrNumber(attrs, 'groups', 1);
  const [stride, padding, dilation] = ['stride', 'padding', 'dilation'].map((name) => attrList(attrs, name)) as [
    Dims,
    Dims,
    Dims,
  ];
  if (rank < 1 || x.length !== w.length || x[1] !== (w[1] as number) * groups || (w[0] as number) % groups !== 0) {
    throw shapeError(op, 'x [batch, in, ...spatial] and w [out, in / groups, ...kernel]', x, w);
  }
  const fits = stride.length === rank && padding.length === 2 * rank && dilation.length === rank && groups >= 1;
  if (!fits || [...stride, ...dilation].some((step) => step < 1)) {
    throw shapeError(op, `strides, pads [begin..., end...] and dilations for ${rank} axes`, stride, padding, dilation);
  }
  const spatial = x.slice(2).map((dim, i) => {
    const reach = (dilation[i] as number) * ((w[i + 2] as number) - 1) + 1;
    return (
      Math.floor((dim + (padding[i] as number) + (padding[rank + i] as number) - reach) / (stride[i] as number)) + 1
    );
  });
  if (spatial.some((dim) => !(dim >= 1))) throw shapeError(op, 'an input large enough for the kernel', x, w);
  return { dims: [x[0] as number, w[0] as number, ...spatial], stride, padding, dilation, groups };
}

/**
 * x [batch, in, ...spatial], w [out, in / groups, ...kernel] of uint8 or int8 -> int32 [batch, out, ...]. Zero points:
 * one of x; one of w, or one an output channel. Padding stands for x's zero point.
 */
const convInteger: OpDef = {
  name: 'octavo::conv_integer',
  opcode: 165,
  inputs: ['x', 'w', 'xZeroPoint?', 'wZeroPoint?'],
  attrs: { stride: 'ints', padding: 'ints', dilation: 'ints', groups: 'int' },
  outputs: ['acc'],
  infer([xMeta, wMeta, xZero, wZero], attrs) {
    const x = codesMeta(this.name, 'x', xMeta);
    const w = codesMeta(this.name, 'w', wMeta);
    checkZeroPoints(this.name, 'xZeroPoint', xZero, 1);
    checkZeroPoints(this.name, 'wZeroPoint', wZero, w.dims[0] as number);
    return [{ dtype: 'int32', dims: geometry(this.name, x.dims, w.dims, attrs).dims }];
  },
  reference([x, w, xZero, wZero], attrs) {
    const how = geometry(this.name, dimsOf(x), dimsOf(w), attrs);
    const [codes, weight] = [wide(x), wide(w)];
    subtractZeroPoints(codes, [1, codes.length], xZero, 'rows');
    subtractZeroPoints(weight, [dimsOf(w)[0] as number, sizeOf(dimsOf(w).slice(1))], wZero, 'rows');
    return [new Tensor('int32', convolve(codes, dimsOf(x), weight, dimsOf(w), how), how.dims)];
  },
};

function convolve(x: Int32Array, xDims: Dims, w: Int32Array, wDims: Dims, how: Geometry): Int32Array {
  const { dims, stride, padding, dilation, groups } = how;
  const [batch, out] = dims as [number, number];
  const [channels, perGroup] = [xDims[1] as number, wDims[1] as number];
  const [input, output, kernel] = [xDims.slice(2), dims.slice(2), wDims.slice(2)];
  const [plane, positions, taps] = [sizeOf(input), sizeOf(output), sizeOf(kernel)];
  const y = new Int32Array(sizeOf(dims));
  for (let position = 0; position < positions; position++) {
    for (let tap = 0; tap < taps; tap++) {
      let [offset, step, p, t] = [0, 1, position, tap];
      for (let d = input.length - 1; d >= 0 && offset >= 0; d--) {
        const [o, k] = [p % (output[d] as number), t % (kernel[d] as number)];
        p = (p - o) / (output[d] as number);
        t = (t - k) / (kernel[d] as number);
        const at = o * (stride[d] as number) + k * (dilation[d] as number) - (padding[d] as number);
        offset = at < 0 || at >= (input[d] as number) ? -1 : offset + at * step;
        step *= input[d] as number;
      }
      if (offset < 0) continue;
      for (let n = 0; n < batch; n++) {
        for (let o = 0; o < out; o++) {
          const group = Math.floor(o / (out / groups));
          const from = (n * channels + group * perGroup) * plane + offset;
          let sum = 0;
          for (let c = 0; c < perGroup; c++)
            sum += (x[from + c * plane] as number) * (w[(o * perGroup + c) * taps + tap] as number);
          const to = (n * out + o) * positions + position;
          y[to] = (y[to] as number) + sum;
        }
      }
    }
  }
  return y;
}

export const INTEGER_PRODUCT_OPS = { matmulInteger, convInteger };
