import type { Rule, RuleContext } from '../../import/rule.js';
import type { Value } from '../../ir/value.js';
import { product } from './nn.js';

/** An operand of an einsum with a letter for each of its dims. */
interface Term {
  readonly value: Value;
  readonly letters: readonly string[];
}

/**
 * Einsum as transposes and batched matrix products: operands are joined two at a time; a letter that nothing behind
 * needs is contracted where both have it, and summed where one has.
 */
const einsum: Rule = (n) => {
  const equation = n.text('equation', '').replaceAll(' ', '');
  const [left, right] = equation.split('->') as [string, string?];
  const operands = left.split(',');
  if (operands.length !== n.node.inputs.length)
    throw n.fault(`equation '${equation}' is of ${operands.length} operands`);
  let terms = operands.map((text, i): Term => {
    const value = n.input(i);
    return { value, letters: expand(n, text, n.rank(value)) };
  });
  const output = right === undefined ? implicitOutput(terms) : expand(n, right, longestEllipsis(terms, right));
  terms = terms.map((term) => diagonal(n, term));
  while (terms.length > 1) {
    const [a, b, ...rest] = terms as [Term, Term, ...Term[]];
    const needed = new Set([...output, ...rest.flatMap(({ letters }) => letters)]);
    terms = [
      contract(
        n,
        summed(n, a, new Set([...needed, ...b.letters])),
        summed(n, b, new Set([...needed, ...a.letters])),
        needed,
      ),
      ...rest,
    ];
  }
  const last = summed(n, terms[0] as Term, new Set(output));
  return permuted(n, last, output);
};

/** Letters of a term; an ellipsis stands for the dims `...0`, `...1` counted from the right. */
function expand(n: RuleContext, text: string, rank: number): string[] {
  const [before, after] = text.split('...') as [string, string?];
  if (after === undefined) return [...before];
  const count = rank - before.length - after.length;
  if (count < 0) throw n.fault(`'${text}' has more letters than dims`);
  return [...before, ...Array.from({ length: count }, (_, i) => `...${count - 1 - i}`), ...after];
}

/** The rank that an output with an ellipsis has. */
function longestEllipsis(terms: readonly Term[], output: string): number {
  const count = Math.max(...terms.map(({ letters }) => letters.filter((letter) => letter.startsWith('...')).length));
  return output.replace('...', '').length + count;
}

/** Without an arrow: the ellipsis, then every letter that occurs once, in order. */
function implicitOutput(terms: readonly Term[]): string[] {
  const all = terms.flatMap(({ letters }) => letters);
  const dots = [...new Set(all.filter((letter) => letter.startsWith('...')))].sort().reverse();
  return [
    ...dots,
    ...all.filter((letter) => letter.length === 1 && all.filter((x) => x === letter).length === 1).sort(),
  ];
}

/** A letter that stands twice in one term takes the diagonal. */
function diagonal(n: RuleContext, term: Term): Term {
  let { value } = term;
  const letters = [...term.letters];
  for (;;) {
    const second = letters.findIndex((letter, i) => letters.indexOf(letter) < i);
    if (second < 0) return { value, letters };
    const first = letters.indexOf(letters[second] as string);
    const dims = n.dims(value);
    const size = dims[first] as number;
    const rest = letters.map((_, i) => i).filter((i) => i !== first && i !== second);
    const turned = n.op('aten::permute', [value], { dims: [first, second, ...rest] });
    const flat = n.op('aten::reshape', [turned], { dims: [size * size, ...rest.map((i) => dims[i] as number)] });
    value = n.op('aten::slice', [flat], { dim: 0, start: 0, end: size * size, step: size + 1 });
    const letter = letters[first] as string;
    letters.splice(0, letters.length, letter, ...rest.map((i) => term.letters[i] as string));
  }
}

/** Sums over the letters that nothing needs. */
function summed(n: RuleContext, { value, letters }: Term, needed: ReadonlySet<string>): Term {
  const dims = letters.flatMap((letter, i) => (needed.has(letter) ? [] : [i]));
  if (dims.length === 0) return { value, letters };
  return {
    value: n.op('aten::sum', [value], { dims, keepDim: 0 }),
    letters: letters.filter((letter) => needed.has(letter)),
  };
}

/** One matrix product: letters of both that are needed are batch dims, those that are not are the inner dim. */
function contract(n: RuleContext, a: Term, b: Term, needed: ReadonlySet<string>): Term {
  const both = a.letters.filter((letter) => b.letters.includes(letter));
  const batch = both.filter((letter) => needed.has(letter));
  const inner = both.filter((letter) => !needed.has(letter));
  const rows = a.letters.filter((letter) => !both.includes(letter));
  const columns = b.letters.filter((letter) => !both.includes(letter));
  const sizes = new Map([...sizesOf(n, a), ...sizesOf(n, b)]);
  // A dim of 1 under an ellipsis is broadcast by the other operand's.
  for (const [letter, dim] of sizesOf(n, a)) if (dim > 1) sizes.set(letter, dim);
  const size = (letters: readonly string[]): number =>
    letters.reduce((total, letter) => total * (sizes.get(letter) as number), 1);
  const matrix = (term: Term, order: readonly string[], shape: readonly number[]): Value => {
    const turned = permuted(n, term, order);
    const own = sizesOf(n, term);
    const full = order.map((letter) => sizes.get(letter) as number);
    const spread = order.every((letter) => own.get(letter) === sizes.get(letter))
      ? turned
      : n.op('aten::expand', [turned], { dims: full });
    return n.op('aten::reshape', [spread], { dims: shape });
  };
  const left = matrix(a, [...batch, ...rows, ...inner], [size(batch), size(rows), size(inner)]);
  const right = matrix(b, [...batch, ...inner, ...columns], [size(batch), size(inner), size(columns)]);
  const letters = [...batch, ...rows, ...columns];
  const value = n.op('aten::reshape', [product(n, left, right)], {
    dims: letters.map((letter) => sizes.get(letter) as number),
  });
  return { value, letters };
}

function sizesOf(n: RuleContext, { value, letters }: Term): Map<string, number> {
  const dims = n.dims(value);
  return new Map(letters.map((letter, i) => [letter, dims[i] as number]));
}

function permuted(n: RuleContext, { value, letters }: Term, order: readonly string[]): Value {
  const dims = order.map((letter) => letters.indexOf(letter));
  if (dims.includes(-1)) throw n.fault(`letter '${order[dims.indexOf(-1)]}' of the output is in no operand`);
  return dims.every((dim, i) => dim === i) ? value : n.op('aten::permute', [value], { dims });
}

export const EINSUM_RULES: Readonly<Record<string, Rule>> = { Einsum: einsum };
