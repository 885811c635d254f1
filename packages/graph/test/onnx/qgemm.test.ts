import { Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { importOnnx } from '../../src/index.js';
import { bits } from '../models.js';
import { modelBytes, tensorProto } from './build-model.js';
import { nativeForm, withNative } from './native-form.js';
import { runInOrt } from './ort.js';
import { type CodesType, generator, INT8, UINT8 } from './qdq-builder.js';
import { largestDifference } from './shared-models.js';

const [ROWS, WIDTH, COLUMNS] = [5, 7, 6];
const [A_SCALE, A_ZERO] = [0.02, 113];

interface Form {
  readonly type?: CodesType;
  readonly perColumn?: boolean;
  readonly transA?: boolean;
  readonly transB?: boolean;
  readonly alpha?: number;
  readonly bias?: boolean;
  /** Codes out, by this scale and zero point. */
  readonly codes?: boolean;
}

function qgemm(form: Form): { file: Uint8Array; feeds: Record<string, Tensor> } {
  const {
    type = INT8,
    perColumn = false,
    transA = false,
    transB = false,
    alpha = 1,
    bias = true,
    codes = false,
  } = form;
  const random = generator(5);
  const count = perColumn ? COLUMNS : 1;
  const lay = perColumn ? [COLUMNS] : [];
  const zero = type === INT8 ? 0 : 127;
  const weight = Array.from({ length: WIDTH * COLUMNS }, () => Math.floor(random() * 255) - (type === INT8 ? 127 : 0));
  const scales = Array.from({ length: count }, () => Math.fround(0.004 + 0.004 * random()));
  const c = Array.from({ length: COLUMNS }, () => Math.floor(random() * 2000) - 1000);
  const file = modelBytes({
    inputs: { a: transA ? [WIDTH, 'rows'] : ['rows', WIDTH] },
    types: { a: UINT8 },
    initializers: [
      tensorProto('as', [], [A_SCALE]),
      tensorProto('az', [], [A_ZERO], UINT8),
      tensorProto('b', transB ? [COLUMNS, WIDTH] : [WIDTH, COLUMNS], weight, type),
      tensorProto('bs', lay, scales),
      tensorProto('bz', lay, new Array<number>(count).fill(zero), type),
      tensorProto('c', [COLUMNS], c, 6),
      tensorProto('ys', [], [0.03]),
      tensorProto('yz', [], [120], UINT8),
    ],
    nodes: [
      {
        op: 'QGemm',
        domain: 'com.microsoft',
        in: ['a', 'as', 'az', 'b', 'bs', 'bz', bias ? 'c' : '', ...(codes ? ['ys', 'yz'] : [])],
        out: ['y'],
        attrs: {
          ...(transA && { transA: 1 }),
          ...(transB && { transB: 1 }),
          ...(alpha !== 1 && { alpha: { float: alpha } }),
        },
      },
    ],
    outputs: ['y'],
  });
  const data = Uint8Array.from({ length: ROWS * WIDTH }, () => Math.floor(random() * 256));
  return { file, feeds: { a: new Tensor('uint8', data, transA ? [WIDTH, ROWS] : [ROWS, WIDTH]) } };
}

const FORMS: readonly [string, Form][] = [
  ['int8 weights', {}],
  ['without c', { bias: false }],
  ['uint8 weights', { type: UINT8 }],
  ['a scale a column', { perColumn: true }],
  ['transposed weights', { transB: true, perColumn: true }],
  ['transposed rows', { transA: true }],
  ['both transposed', { transA: true, transB: true }],
  ['alpha', { alpha: 0.5 }],
  ['alpha, a scale a column, transposed', { alpha: 1.25, perColumn: true, transB: true }],
];

describe('QGemm', () => {
  it.each(FORMS)('with a float result: %s', async (_, form) => {
    const { file, feeds } = qgemm(form);
    const graph = await importOnnx(file);
    expect([...graph.nodes()].map(({ op }) => op)).toContain('octavo::linear_quantized');
    const [got, expected] = [graph.run(feeds), await runInOrt(file, feeds)];
    expect(got.y?.type).toBe('float32');
    // Sums are exact; the bias is added in one rounding less: of values around 16.
    expect(largestDifference(got.y, expected.y)).toBeLessThan(2 ** -18);
    if (withNative === null) return;
    const { referenceOps, outputs } = nativeForm(graph, feeds);
    expect(referenceOps).toEqual([]);
    expect(bits(outputs.y)).toEqual(bits(got.y));
  });

  it.each(FORMS)('with codes as result: %s', async (_, form) => {
    const { file, feeds } = qgemm({ ...form, codes: true });
    const graph = await importOnnx(file);
    expect([...graph.nodes()].map(({ op }) => op)).toContain('quantized::linear');
    const [got, expected] = [graph.run(feeds), await runInOrt(file, feeds)];
    expect(got.y?.type).toBe('uint8');
    // ONNX Runtime rounds the float32 sum times one factor; a tie may fall to either side.
    expect(largestDifference(got.y, expected.y)).toBeLessThanOrEqual(1);
  });
});
