import type { Graph } from '../ir/graph.js';
import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';
import { scalarOf } from './scalars.js';

/**
 * GELU as exporters spell it out becomes one op, which linears have an epilogue for: x * (erf(x / sqrt 2) + 1) * 0.5
 * `aten::gelu`, and with tanh(sqrt(2/pi) (x + 0.044715 x^3)) in the place of erf `aten::gelu_tanh`. The factors may stand in any
 * order, and the polynomial in any form. The formula is the same; the last bits may differ, because the ops round less often.
 */
export function fuseGelu(graph: Graph): Graph {
  for (const node of graph.nodes()) {
    const gelu = node.op === 'aten::mul' ? geluOf(node) : undefined;
    if (gelu === undefined) continue;
    const outputs = [{ type: node.output.type, hint: node.output.hint }];
    const fused = graph.insert({ op: gelu.op, inputs: [gelu.x], outputs, scope: node.scope }, node);
    node.output.replaceUses(fused.output);
  }
  return graph;
}

/** Which GELU has which function, and whether that has the operand it is to have. */
const FORMS: Readonly<Record<string, { readonly op: string; readonly fits: (operand: Value, x: Value) => boolean }>> = {
  'aten::erf': { op: 'aten::gelu', fits: isScaled },
  'aten::tanh': { op: 'aten::gelu_tanh', fits: isCubic },
};

/** x where `mul` is the last product of a GELU: of x, of 1 + erf or tanh, and of a half. */
function geluOf(mul: Node): { readonly op: string; readonly x: Value } | undefined {
  const factors = mul.inputs.flatMap((input) => factorsOf(input as Value, mul));
  if (factors.length !== 3) return undefined;
  const half = factors.find((factor) => isNumber(factor, 0.5));
  // x may be a sum as well.
  const sum = factors.find(({ node }) => node.op === 'aten::add' && functionIn(node) !== undefined);
  const x = factors.find((factor) => factor !== half && factor !== sum);
  if (half === undefined || sum === undefined || x === undefined) return undefined;
  const { node } = functionIn(sum.node) as Value;
  const one = sum.node.inputs.find((input) => input?.node !== node);
  const { op, fits } = FORMS[node.op] as (typeof FORMS)[string];
  return one && isNumber(one, 1) && fits(node.input(0), x) ? { op, x } : undefined;
}

function functionIn(sum: Node): Value | undefined {
  return sum.inputs.find((input) => input && Object.hasOwn(FORMS, input.node.op)) ?? undefined;
}

/** The factors of a product that only `reader` reads; a value that is no such product is one factor. */
function factorsOf(value: Value, reader: Node): Value[] {
  const isProduct = value.node.op === 'aten::mul' && value.onlyUser === reader;
  return isProduct ? (value.node.inputs as Value[]).slice() : [value];
}

/** x / sqrt 2, or x * sqrt 0.5. */
function isScaled({ node }: Value, x: Value): boolean {
  if (node.op === 'aten::div') return node.input(0) === x && isNumber(node.input(1), Math.SQRT2);
  if (node.op !== 'aten::mul') return false;
  return node.inputs.includes(x) && node.inputs.some((input) => input && isNumber(input, Math.SQRT1_2));
}

/** sqrt(2/pi) (x + 0.044715 x^3), whatever its factors and their order. Exporters write sqrt(2/pi) with some digits. */
function isCubic(value: Value, x: Value): boolean {
  const root = Math.sqrt(2 / Math.PI);
  const [constant, linear, square, cubic, ...rest] = polynomial(value, x, 8) ?? [];
  if (linear === undefined || cubic === undefined || rest.length > 0 || constant !== 0 || square !== 0) return false;
  return near(linear, root, 1e-6) && near(cubic, 0.044715 * root, 1e-6);
}

/** The coefficients of a value that is a polynomial in x of numbers, the constant first; null for any other. */
function polynomial(value: Value, x: Value, depth: number): readonly number[] | null {
  if (value === x) return [0, 1];
  const number = scalarOf(value);
  if (number !== undefined) return [number];
  const { node } = value;
  if (depth === 0 || !/^aten::(add|mul|pow)$/.test(node.op)) return null;
  const a = polynomial(node.input(0), x, depth - 1);
  if (node.op === 'aten::pow') {
    const exponent = scalarOf(node.input(1));
    if (exponent !== 2 && exponent !== 3) return null;
    return exponent === 2 ? product(a, a) : product(product(a, a), a);
  }
  const b = polynomial(node.input(1), x, depth - 1);
  if (node.op === 'aten::mul') return product(a, b);
  if (a === null || b === null) return null;
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i) => (a[i] ?? 0) + (b[i] ?? 0));
}

/** Null above the third degree. */
function product(a: readonly number[] | null, b: readonly number[] | null): readonly number[] | null {
  if (a === null || b === null || a.length + b.length > 5) return null;
  const result = new Array<number>(a.length + b.length - 1).fill(0);
  for (const [i, x] of a.entries()) for (const [j, y] of b.entries()) result[i + j] = (result[i + j] as number) + x * y;
  return result;
}

/** Exporters write sqrt 2 to float32's last bit or the one before. */
function isNumber(value: Value, wanted: number): boolean {
  const number = scalarOf(value);
  return number !== undefined && near(number, wanted, 2 ** -22);
}

function near(number: number, wanted: number, relative: number): boolean {
  return Math.abs(number - wanted) <= wanted * relative;
}
