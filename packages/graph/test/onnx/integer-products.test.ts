import { describe, expect, it } from 'vitest';
import { type Graph, importOnnx } from '../../src/index.js';
import { bits, floats } from '../models.js';
import { modelBytes, type NodeInput, tensorProto } from './build-model.js';
import { nativeForm, withNative } from './native-form.js';
import { runInOrt } from './ort.js';
import { type CodesType, generator, INT8, UINT8 } from './qdq-builder.js';
import { largestDifference } from './shared-models.js';

const [BATCH, LENGTH, WIDTH] = [3, 5, 8];

interface Form {
  readonly columns: number;
  readonly type: CodesType;
  readonly perColumn: boolean;
  /** Ranges of x at run time, or a constant one. */
  readonly dynamic: boolean;
}

/** `node` over codes of x [batch, length, 8]: its operands by name. */
function model({ columns, type, perColumn, dynamic }: Form, node: Omit<NodeInput, 'out' | 'domain'>): Uint8Array {
  const random = generator(9);
  const codes = Array.from({ length: WIDTH * columns }, () => Math.floor(random() * 255) - (type === INT8 ? 127 : 0));
  const count = perColumn ? columns : 1;
  const lay = perColumn ? [columns] : [];
  const zero = type === INT8 ? 0 : 127;
  return modelBytes({
    inputs: { x: ['batch', 'length', WIDTH] },
    initializers: [
      tensorProto('w', [WIDTH, columns], codes, type),
      tensorProto(
        'ws',
        lay,
        Array.from({ length: count }, () => Math.fround(0.004 + 0.004 * random())),
      ),
      tensorProto(
        'wz',
        lay,
        Array.from({ length: count }, () => zero),
        type,
      ),
      tensorProto(
        'b',
        [columns],
        Array.from({ length: columns }, () => random() - 0.5),
      ),
      ...(dynamic ? [] : [tensorProto('xs', [], [0.02]), tensorProto('xz', [], [100], UINT8)]),
    ],
    nodes: [
      dynamic
        ? { op: 'DynamicQuantizeLinear', in: ['x'], out: ['c', 'xs', 'xz'] }
        : { op: 'QuantizeLinear', in: ['x', 'xs', 'xz'], out: ['c'] },
      { ...node, out: ['y'], domain: 'com.microsoft' },
    ],
    outputs: ['y'],
  });
}

const feeds = { x: floats([BATCH, LENGTH, WIDTH], 2) };

async function compare(file: Uint8Array): Promise<Graph> {
  const graph = await importOnnx(file);
  const [got, expected] = [graph.run(feeds), await runInOrt(file, feeds)];
  // Sums are exact; the bias is added in one rounding less: of values around 2.
  expect(largestDifference(got.y, expected.y)).toBeLessThan(2 ** -19);
  if (withNative === null) return graph;
  const { referenceOps, outputs } = nativeForm(graph, feeds);
  expect(referenceOps).toEqual([]);
  expect(bits(outputs.y)).toEqual(bits(got.y));
  return graph;
}

const opsOf = (graph: Graph): string[] =>
  [...graph.nodes()].map(({ op }) => op).filter((op) => !op.startsWith('prim::'));

describe('products of codes with float results', () => {
  it.each<[string, Form]>([
    ['a range at run time', { columns: 6, type: INT8, perColumn: true, dynamic: true }],
    ['a constant range', { columns: 6, type: UINT8, perColumn: false, dynamic: false }],
  ])('MatMulIntegerToFloat of %s is one int8 linear', async (_, form) => {
    const node = { op: 'MatMulIntegerToFloat', in: ['c', 'w', 'xs', 'ws', 'xz', 'wz', 'b'] };
    const ops = opsOf(await compare(model(form, node)));
    expect(ops.at(-1)).toBe(form.dynamic ? 'quantized::linear_dynamic' : 'octavo::linear_quantized');
  });

  it('DynamicQuantizeMatMul is one int8 linear', async () => {
    const node = { op: 'DynamicQuantizeMatMul', in: ['x', 'w', 'ws', 'wz', 'b'] };
    const file = model({ columns: 6, type: INT8, perColumn: true, dynamic: true }, node);
    expect(opsOf(await compare(file))).toEqual(['quantized::linear_dynamic']);
  });
});
