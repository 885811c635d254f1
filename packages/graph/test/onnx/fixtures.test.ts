import { readdirSync } from 'node:fs';
import type { Tensor } from '@octavo/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeGraph } from '../../src/file/decode-graph.js';
import { encodeGraph } from '../../src/file/encode-graph.js';
import { importOnnx } from '../../src/index.js';
import { bits } from '../models.js';
import { largestDifference, SHARED_MODELS, storedCases, storedTolerance } from './shared-models.js';

const FOLDER = SHARED_MODELS === null ? null : `${SHARED_MODELS}onnx/`;
const NAMES =
  FOLDER === null
    ? []
    : readdirSync(FOLDER)
        .filter((file) => file.endsWith('.onnx'))
        .map((file) => file.slice(0, -5));

describe.skipIf(FOLDER === null)('models made by other tools', () => {
  it.each(NAMES)('%s gives the outputs that ONNX Runtime stored, and the same bits after saving', async (name) => {
    const graph = await importOnnx(`${FOLDER}${name}.onnx`);
    const loaded = decodeGraph(encodeGraph(graph), name);
    for (const [i, { inputs, outputs }] of (await storedCases(name)).entries()) {
      const got = graph.run(inputs);
      for (const [key, expected] of Object.entries(outputs)) {
        expect(largestDifference(got[key], expected), key).toBeLessThanOrEqual(storedTolerance(name, i, expected));
      }
      const again = loaded.run(inputs);
      for (const key of Object.keys(outputs)) expect(bits(again[key])).toEqual(bits(got[key]));
    }
  });

  it('makes of an exported BERT the ops that a traced one has', async () => {
    const graph = await importOnnx(`${FOLDER}tiny_bert_float.onnx`);
    const count = (op: string): number => [...graph.nodes()].filter((node) => node.op === op).length;
    expect([count('octavo::multi_head_attention'), count('aten::layer_norm'), count('aten::gelu')]).toEqual([2, 5, 2]);
    const others = [...graph.nodes()].filter(({ op }) => /^onnx::|matmul|softmax|permute|reshape/.test(op));
    expect(others).toEqual([]);
  });

  it('reads weights that lie in another file', async () => {
    const graph = await importOnnx(`${SHARED_MODELS}efficientnet-lite0/model.onnx`);
    const ops = [...graph.nodes()].map(({ op }) => op);
    expect(ops.filter((op) => op === 'aten::conv')).toHaveLength(49);
    expect(graph.modules.has('blocks.0.depthwise.conv')).toBe(true);
    expect((graph.get('stem.conv.weight') as Tensor).dims).toEqual([32, 3, 3, 3]);
  });
});

beforeAll(() => {
  process.env.OCTAVO_BACKEND ??= 'reference';
});
