import {
  type Attrs,
  DTYPES,
  type DType,
  isPackedParams,
  type OpDef,
  type OperandMeta,
  type PackedParams,
} from '@octavo/core';
import { type Dim, type Facts, isNumbers } from './facts.js';

/** What an op's shape rule is asked with: facts of a tensor, packed weights, or null for an absent operand. */
export type OperandFacts = Facts | PackedParams | null;

/**
 * What an op gives, from what is known of its operands. `freshSymbol` names a dim that nothing is known of.
 *
 * The shape rules of core take numbers. Symbols are put to them as primes, twice over with other primes: a dim that is
 * the same number both times depends on no symbol, one that is a symbol's prime both times is that symbol, and any other
 * is new. This is sound for every rule that copies, adds or multiplies dims; the rules that compare them (slices
 * clamp their end) are not asked along such a dim.
 */
export function inferFacts(
  def: OpDef,
  operands: readonly OperandFacts[],
  attrs: Attrs,
  freshSymbol: () => string,
): Facts[] {
  const tensors = operands.filter((operand): operand is Facts => operand !== null && !isPackedParams(operand));
  if (tensors.every(({ dims }) => isNumbers(dims))) return def.infer(operands as (OperandMeta | null)[], attrs);
  if (tensors.some(({ dims }) => dims === null)) {
    return unknownFacts(def, tensors, attrs);
  }
  const known = knownDims(def, tensors, attrs, freshSymbol);
  if (known !== null) return [{ dtype: dtypeAfter(def, tensors, attrs), dims: known }];
  const symbols = [...new Set(tensors.flatMap(({ dims }) => dims as Dim[]).filter((dim) => typeof dim === 'string'))];
  try {
    const [first, second] = PROBES.map((from) => {
      const primeOf = new Map(symbols.map((symbol, i) => [symbol, PRIMES[from + i] as number]));
      const probed = operands.map((operand) =>
        operand !== null && !isPackedParams(operand) ? withNumbers(operand, primeOf) : operand,
      );
      return { primeOf, metas: def.infer(probed as (OperandMeta | null)[], attrs) };
    }) as unknown as [Probe, Probe];
    return first.metas.map(({ dtype, dims }, output) => ({
      dtype,
      dims: dims.map((dim, axis) => {
        const other = second.metas[output]?.dims[axis];
        if (isClamped(def, tensors, attrs, axis)) return cutSymbol(def, tensors, attrs, axis) ?? freshSymbol();
        if (dim === other) return dim;
        return symbols.find((s) => first.primeOf.get(s) === dim && second.primeOf.get(s) === other) ?? freshSymbol();
      }),
    }));
  } catch {
    // Two dims that the rule compares: equal in every valid run perhaps, but not known to be.
    return unknownFacts(def, tensors, attrs);
  }
}

function unknownFacts(def: OpDef, tensors: readonly Facts[], attrs: Attrs): Facts[] {
  const dtype = dtypeAfter(def, tensors, attrs);
  return def.outputs.map((name) => ({ dtype: DTYPE_OF_OUTPUT[name] ?? dtype, dims: null }));
}

/** Outputs by name that are not of the dtype of an op's first one. */
const DTYPE_OF_OUTPUT: Readonly<Record<string, DType>> = {
  indices: 'int64',
  scale: 'float32',
  scales: 'float32',
  zeroPoint: 'uint8',
  zeroPoints: 'int32',
};

/** The dims of ops whose rules compare dims that may be equal without looking so; null for all others. */
function knownDims(
  { name }: OpDef,
  tensors: readonly Facts[],
  attrs: Attrs,
  freshSymbol: () => string,
): readonly Dim[] | null {
  const all = tensors.map(({ dims }) => dims as readonly Dim[]);
  if (broadcasts(name)) return all.reduce((a, b) => broadcast(a, b, freshSymbol));
  // The inner dims of a product may look different: those of a masked softmax and of its values do.
  if (name === 'aten::matmul' && all.every(({ length }) => length >= 2)) {
    const [a, b] = all as [readonly Dim[], readonly Dim[]];
    return [...broadcast(a.slice(0, -2), b.slice(0, -2), freshSymbol), a.at(-2) as Dim, b.at(-1) as Dim];
  }
  // Their rules compare x with weights, which agree in every valid run.
  if (/^aten::(batch|group|layer)_norm$/.test(name)) return all[0] as readonly Dim[];
  if (name === 'aten::cat') return joined(all, attrs.dim as number, freshSymbol);
  if (name === 'aten::linear') return [...(all[0] as readonly Dim[]).slice(0, -1), all[1]?.[0] as Dim];
  if (name === 'octavo::reshape_like') {
    const [x, like] = all;
    const copied = (dim: number, i: number): Dim => (dim === 0 ? x?.[i] : dim < -1 ? like?.[-2 - dim] : dim) as Dim;
    return (attrs.dims as readonly number[]).map((dim, i) => (dim === -1 ? freshSymbol() : copied(dim, i)));
  }
  if (name === 'aten::reshape') {
    const asked = attrs.dims as readonly number[];
    if (!asked.includes(-1)) return asked.map((dim, i) => (dim === 0 ? (all[0]?.[i] as Dim) : dim));
  }
  return null;
}

/** What is joined agrees in every other dim: any that is known says it, a number before a dim of the graph's inputs. */
function joined(all: readonly (readonly Dim[])[], dim: number, freshSymbol: () => string): Dim[] | null {
  const rank = (all[0] as readonly Dim[]).length;
  if (all.some(({ length }) => length !== rank)) return null;
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = all.map((dims) => dims[axis] as Dim);
    const isJoined = axis === (dim < 0 ? dim + rank : dim);
    const numbers = sizes.filter((size) => typeof size === 'number');
    if (isJoined) return numbers.length === sizes.length ? numbers.reduce((a, b) => a + b, 0) : freshSymbol();
    return numbers[0] ?? sizes.find((size) => !String(size).startsWith('?')) ?? (sizes[0] as Dim);
  });
}

/** Of two symbols nobody knows which is 1; a number above 1 is the result, whatever the other. */
function broadcast(a: readonly Dim[], b: readonly Dim[], freshSymbol: () => string): Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a[a.length - rank + i] ?? 1, b[b.length - rank + i] ?? 1];
    if (x === y || y === 1) return x;
    if (x === 1) return y;
    // Where the number is the smaller one, the two would have to be equal, or it 1: the symbol is the result in any case.
    if (isCutOf(y, x)) return x;
    if (isCutOf(x, y)) return y;
    return typeof x === 'number' ? x : typeof y === 'number' ? y : freshSymbol();
  });
}

const BROADCAST_OPS =
  /^(aten::(add|sub|mul|div|eq|lt|le|logical_(and|or|xor)|minimum|maximum|fmod|remainder|pow|where)|octavo::(add|sub|mul|div)_integers)$/;

/** By name, because a large model asks for the same few ops over and over. */
const asked = new Map<string, boolean>();

function broadcasts(name: string): boolean {
  const known = asked.get(name) ?? BROADCAST_OPS.test(name);
  asked.set(name, known);
  return known;
}

interface Probe {
  readonly primeOf: ReadonlyMap<string, number>;
  readonly metas: ReturnType<OpDef['infer']>;
}

const PROBES = [0, 12];
/** Small enough that the product of four is still a size, large enough to divide no kernel's stride. */
const PRIMES = [
  1009, 1013, 1019, 1021, 1031, 1033, 1039, 1049, 1051, 1061, 1063, 1069, 1087, 1091, 1093, 1097, 1103, 1109, 1117,
  1123, 1129, 1151, 1153, 1163,
];

function withNumbers({ dtype, dims }: Facts, primeOf: ReadonlyMap<string, number>): OperandMeta {
  return { dtype, dims: (dims as Dim[]).map((dim) => (typeof dim === 'number' ? dim : (primeOf.get(dim) as number))) };
}

/** A dim of a number cut at a symbol. Its text says both, so that `broadcast` knows what it stands for. */
function cutSymbol({ name }: OpDef, [x, like]: readonly Facts[], attrs: Attrs, axis: number): string | undefined {
  const [own, other] = [x?.dims?.[axis], like?.dims?.at(attrs.likeDim as number)];
  const isCut = name === 'octavo::slice_like' && typeof own === 'number' && own > 0 && typeof other === 'string';
  return isCut ? `?min(${own}, ${other})` : undefined;
}

/** The symbol that `cut` is the minimum of a number and. */
function isCutOf(cut: Dim, symbol: Dim): boolean {
  return typeof cut === 'string' && cut.startsWith('?min(') && cut.endsWith(`, ${symbol})`);
}

/** True for the dim of a slice whose size a bound may cut. */
function isClamped({ name }: OpDef, [x, like]: readonly Facts[], attrs: Attrs, axis: number): boolean {
  const dims = x?.dims;
  if (!dims || (name !== 'aten::slice' && name !== 'octavo::slice_like')) return false;
  const dim = attrs.dim as number;
  if ((dim < 0 ? dim + dims.length : dim) !== axis) return false;
  return typeof dims[axis] === 'string' || typeof like?.dims?.at(attrs.likeDim as number) === 'string';
}

/** The dtype of an op's first output where its dims cannot be inferred: that of its first operand but for these. */
function dtypeAfter({ name }: OpDef, tensors: readonly Facts[], attrs: Attrs): DType {
  const asked = Object.keys(DTYPES).find((dtype) => DTYPES[dtype as DType].code === attrs.dtype);
  if (asked !== undefined) return asked as DType;
  if (BOOL_OPS.test(name)) return 'bool';
  if (/^(aten::(arg|_shape_as_tensor)|octavo::arange_like)/.test(name)) return 'int64';
  if (name === 'octavo::dequantize_linear' || name === 'aten::dequantize') return 'float32';
  if (name === 'octavo::dynamic_quantize_linear') return 'uint8';
  if (name.endsWith('_integer')) return 'int32';
  if (name === 'octavo::requantize_linear') return tensors[2]?.dtype ?? 'uint8';
  return tensors[name === 'aten::where' ? 1 : 0]?.dtype ?? 'float32';
}

const BOOL_OPS = /^aten::(eq|lt|le|logical_\w+)$/;
