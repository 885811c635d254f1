import type { Graph } from '../ir/graph.js';
import type { Node } from '../ir/node.js';
import type { Value } from '../ir/value.js';
import { scalarOf } from './scalars.js';

/**
 * x * (erf(x / sqrt 2) + 1) * 0.5, as PyTorch exports GELU, becomes `aten::gelu`, which linears have an epilogue for. The
 * factors may stand in any order. The formula is the same; the last bits may differ, because the op rounds less often.
 */
export function fuseGelu(graph: Graph): Graph {
  for (const node of graph.nodes()) {
    const x = node.op === 'aten::mul' ? geluInput(node) : undefined;
    if (x === undefined) continue;
    const outputs = [{ type: node.output.type, hint: node.output.hint }];
    const fused = graph.insert({ op: 'aten::gelu', inputs: [x], outputs, scope: node.scope }, node);
    node.output.replaceUses(fused.output);
  }
  return graph;
}

/** x where `mul` is the last product of a GELU: of x, of 1 + erf(x / sqrt 2), and of a half. */
function geluInput(mul: Node): Value | undefined {
  const factors = mul.inputs.flatMap((input) => factorsOf(input as Value, mul));
  if (factors.length !== 3) return undefined;
  const half = factors.find((factor) => isNumber(factor, 0.5));
  // x may be a sum as well.
  const sum = factors.find(
    ({ node }) => node.op === 'aten::add' && node.inputs.some((input) => input?.node.op === 'aten::erf'),
  );
  const x = factors.find((factor) => factor !== half && factor !== sum);
  if (half === undefined || sum === undefined || x === undefined) return undefined;
  const erf = sum.node.inputs.find((input) => input?.node.op === 'aten::erf')?.node;
  const one = sum.node.inputs.find((input) => input?.node !== erf);
  return erf !== undefined && one && isNumber(one, 1) && isScaled(erf.input(0), x) ? x : undefined;
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

/** Exporters write sqrt 2 to float32's last bit or the one before. */
function isNumber(value: Value, wanted: number): boolean {
  const number = scalarOf(value);
  return number !== undefined && Math.abs(number - wanted) <= wanted * 2 ** -22;
}
