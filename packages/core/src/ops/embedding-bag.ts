import { didYouMean, OctavoError } from '../errors.js';
import { fma } from '../numerics/fma.js';
import { Tensor } from '../tensor/tensor.js';
import { bagBounds, integers, rowAt } from './bags.js';
import { attrNumber, dimsOf, floats, shapeError, tensorMeta } from './check.js';
import type { OpDef, Operand } from './op-def.js';

const f = Math.fround;

/** How the rows of a bag become one. The codes are PyTorch's and the native ABI's: append-only. */
export const BAG_MODES = { sum: 0, mean: 1, max: 2 } as const;
export type BagMode = keyof typeof BAG_MODES;

/** Refuses a mode that is none. */
export function checkBagMode(mode: BagMode, where: string): BagMode {
  if (Object.hasOwn(BAG_MODES, mode)) return mode;
  const known = Object.keys(BAG_MODES);
  throw new OctavoError(
    'INVALID_ARGUMENT',
    `[${where}] mode must be ${known.join(', ')}, got '${String(mode)}'${didYouMean(String(mode), known)}`,
  );
}

/** `paddingIdx` of a table that has no row to leave out. */
export const NO_PADDING = -1;

/**
 * Bags of rows of a table: weight [entries, width] float32, indices int64 or int32, [bags, n] without offsets, or [n]
 * with offsets [bags], or [bags + 1] with includeLastOffset = 1 -> [bags, width] float32. Element by element, in the
 * order of the indices: sum = fma(perSampleWeight, row, sum) from +0, or sum + row without weights; mean divides that
 * by the number of rows; max is the largest, NaN above all. Rows of `paddingIdx` do not count; an empty bag is zeros.
 */
export const embeddingBag: OpDef = {
  name: 'aten::embedding_bag',
  opcode: 79,
  inputs: ['weight', 'indices', 'offsets?', 'perSampleWeights?'],
  attrs: { mode: 'int', includeLastOffset: 'int', paddingIdx: 'int' },
  outputs: ['y'],
  infer([weightMeta, indicesMeta, offsetsMeta, sampleMeta], attrs) {
    const weight = tensorMeta(this.name, 'weight', weightMeta, 'float32').dims;
    const indices = tensorMeta(this.name, 'indices', indicesMeta, 'int64', 'int32').dims;
    if (weight.length !== 2) throw shapeError(this.name, 'weight [entries, width]', weight);
    let bags = indices[0] as number;
    if (offsetsMeta) {
      const offsets = tensorMeta(this.name, 'offsets', offsetsMeta, 'int64', 'int32').dims;
      const last = attrNumber(attrs, 'includeLastOffset', 0);
      if (indices.length !== 1 || offsets.length !== 1 || (offsets[0] as number) < last) {
        throw shapeError(this.name, `indices [n] and offsets [bags${last ? ' + 1' : ''}]`, indices, offsets);
      }
      bags = (offsets[0] as number) - last;
    } else if (indices.length !== 2) {
      throw shapeError(this.name, 'indices [bags, n], or [n] with offsets', indices);
    }
    if (sampleMeta) {
      const { dims } = tensorMeta(this.name, 'perSampleWeights', sampleMeta, 'float32');
      if (attrs.mode !== BAG_MODES.sum) {
        throw new OctavoError('INVALID_ARGUMENT', `[${this.name}] perSampleWeights belong to mode 'sum' only`);
      }
      if (dims.join() !== indices.join()) throw shapeError(this.name, `perSampleWeights [${indices.join(', ')}]`, dims);
    }
    return [{ dtype: 'float32', dims: [bags, weight[1] as number] }];
  },
  reference([weight, indicesOperand, offsets, samples], attrs) {
    const [entries, width] = dimsOf(weight) as [number, number];
    const indices = integers(indicesOperand);
    const starts = startsOf(this.name, indicesOperand, offsets, attrs.includeLastOffset === 1);
    const bags = starts.length - 1;
    const padding = attrNumber(attrs, 'paddingIdx', NO_PADDING);
    const add = ADD[attrNumber(attrs, 'mode', BAG_MODES.mean)] as Add;
    const y = new Float32Array(bags * width);
    for (let bag = 0; bag < bags; bag++) {
      const out = y.subarray(bag * width, (bag + 1) * width);
      let count = 0;
      for (let i = starts[bag] as number; i < (starts[bag + 1] as number); i++) {
        const row = rowAt(this.name, indices, i, entries);
        if (row === padding) continue;
        add(out, floats(weight), row * width, count, samples ? (floats(samples)[i] as number) : null);
        count++;
      }
      if (attrs.mode === BAG_MODES.mean && count > 0)
        for (let j = 0; j < width; j++) out[j] = (out[j] as number) / count;
    }
    return [new Tensor('float32', y, [bags, width])];
  },
};

/** Bounds of the bags: of the offsets, or of the rows of indices [bags, n]. */
function startsOf(
  op: string,
  indices: Operand | null | undefined,
  offsets: Operand | null | undefined,
  includeLast: boolean,
): number[] {
  const [bags, n] = dimsOf(indices) as [number, number];
  if (!offsets) return Array.from({ length: bags + 1 }, (_, bag) => bag * n);
  return bagBounds(op, integers(offsets), integers(indices).length, includeLast);
}

/** Adds a row of the table, at `from`, to a bag that has `count` rows already. */
type Add = (out: Float32Array, table: Float32Array, from: number, count: number, weight: number | null) => void;

const addSum: Add = (out, table, from, _, weight) => {
  for (let j = 0; j < out.length; j++) {
    const x = table[from + j] as number;
    out[j] = weight === null ? f((out[j] as number) + x) : fma(weight, x, out[j] as number);
  }
};

const addMax: Add = (out, table, from, count) => {
  for (let j = 0; j < out.length; j++) {
    const x = table[from + j] as number;
    if (count === 0 || x > (out[j] as number) || Number.isNaN(x)) out[j] = x;
  }
};

const ADD: Readonly<Record<number, Add>> = {
  [BAG_MODES.sum]: addSum,
  [BAG_MODES.mean]: addSum,
  [BAG_MODES.max]: addMax,
};
