import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isOctavoError } from '@octavo/core';
import { readQuantizedFile, writeQuantizedFile, writeSafetensors } from '@octavo/core/node';
import { perRowDynamicQConfig } from '@octavo/observers';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadGraph, quantizeDynamic, saveGraph, trace } from '../../src/index.js';
import { floats, Mlp, seeded } from '../models.js';

let folder: string;
let good: Uint8Array;
let json: Record<string, unknown>;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'octavo-damaged-'));
  const graph = trace(
    seeded(() => new Mlp()),
    { x: floats([1, 8]) },
  );
  await saveGraph(quantizeDynamic(graph, { '': perRowDynamicQConfig, fc2: null }), at('good.octavo'));
  good = await readFile(at('good.octavo'));
  json = JSON.parse((await readQuantizedFile(at('good.octavo'))).metadata.graph as string);
});
afterAll(() => rm(folder, { recursive: true }));

/** The message of the INVALID_FILE (or other OctavoError) that loading a file gives. */
async function complaint(path: string): Promise<string> {
  try {
    await loadGraph(path);
  } catch (error) {
    if (!isOctavoError(error)) throw error;
    expect(error.message).toContain(path);
    return `${error.code}: ${error.message}`;
  }
  return 'loaded';
}

async function complaintOfBytes(bytes: Uint8Array, name = 'bad.octavo'): Promise<string> {
  await writeFile(at(name), bytes);
  return complaint(at(name));
}

/** A file with a valid checksum whose graph is another one. */
async function complaintOfGraph(graph: unknown, name = 'graph.octavo'): Promise<string> {
  const { tensors } = await readQuantizedFile(at('good.octavo'));
  await writeQuantizedFile(at(name), {
    tensors,
    metadata: { graph: typeof graph === 'string' ? graph : JSON.stringify(graph) },
  });
  return complaint(at(name));
}

describe('a damaged file', () => {
  it('truncated', async () => {
    expect(await complaintOfBytes(good.subarray(0, good.length - 1))).toMatch(/^INVALID_FILE/);
    expect(await complaintOfBytes(good.subarray(0, 100))).toMatch(/^INVALID_FILE/);
    expect(await complaintOfBytes(new Uint8Array(0))).toMatch(/^INVALID_FILE/);
  });

  it('altered', async () => {
    const altered = good.slice();
    altered[good.length - 1]! ^= 1;
    expect(await complaintOfBytes(altered)).toMatch(/^INVALID_FILE: .*altered or damaged/);
  });

  it('of a later format', async () => {
    const text = Buffer.from(good).toString('latin1').replace('{\\"major\\":1,', '{\\"major\\":9,');
    expect(await complaintOfBytes(Buffer.from(text, 'latin1'))).toMatch(/^INVALID_FILE: .*format 9\.0.*update/);
  });

  it('of a later op', async () => {
    const later = { ...json, ops: { ...(json.ops as object), 'aten::gelu': 2 } };
    expect(await complaintOfGraph(later)).toMatch(
      /graph\.ops\.aten::gelu is of a later version; update @octavo\/graph/,
    );
  });

  it.each<[string, number, RegExp]>([
    [
      'scales',
      Number.NaN,
      /parameters\.fc1\._packed_params is inconsistent: .*scale must be positive and finite, got NaN/,
    ],
    ['scales', 0, /scale must be positive and finite, got 0/],
    ['zero_points', 128, /zero point of qint8 weights must be from -128 to 127, got 128/],
    ['zero_points', -(2 ** 31), /zero point of qint8 weights/],
  ])('whose weight has %s of %d', async (kind, value, message) => {
    const { tensors } = await readQuantizedFile(at('good.octavo'));
    (tensors[`fc1._packed_params.${kind}`]?.data as Float32Array)[3] = value;
    await writeQuantizedFile(at('qparams.octavo'), { tensors, metadata: { graph: JSON.stringify(json) } });
    const text = await complaint(at('qparams.octavo'));
    expect(text).toMatch(/^INVALID_FILE/);
    expect(text).toMatch(message);
  });

  it('not ours, or not a graph', async () => {
    await writeSafetensors(at('float.safetensors'), { weight: floats([2]) });
    expect(await complaint(at('float.safetensors'))).toMatch(/^INVALID_FILE: .*no quantized model/);
    await writeQuantizedFile(at('eager.octavo'), { tensors: {}, metadata: { modules: '{}' } });
    expect(await complaint(at('eager.octavo'))).toMatch(/^INVALID_FILE: .*holds no graph/);
    expect(await complaint(at('missing.octavo'))).toMatch(/^FILE_NOT_FOUND/);
    expect(await complaint(folder)).toMatch(/^INVALID_FILE: .*folder/);
  });
});

describe('a graph that cannot be', () => {
  const without = (key: string) => Object.fromEntries(Object.entries(json).filter(([name]) => name !== key));
  const withNode = (change: object) => {
    const nodes = structuredClone(json.nodes) as Record<string, unknown>[];
    Object.assign(nodes[1] as object, change);
    return { ...json, nodes };
  };

  it.each<[string, () => unknown, RegExp]>([
    ['no JSON', () => '{', /no valid JSON/],
    ['no object', () => [], /graph must be an object/],
    ['no nodes', () => without('nodes'), /graph\.nodes must be a list/],
    ['an unknown stage', () => ({ ...json, stage: 'prepared' }), /graph\.stage must be one of float, debug, quantized/],
    ['an op of nobody', () => withNode({ op: 'evil::op' }), /evil::op.*unknown op/],
    [
      'a value that is read too early',
      () => withNode({ in: [99, 98] }),
      /nodes\[1\]\.in\[0\] is read before it is made/,
    ],
    [
      'an id of another value',
      () => withNode({ out: [{ id: 0, type: ['float32', null] }] }),
      /nodes\[1\]\.out\[0\] has the id 0/,
    ],
    ['an id beyond counting', () => withNode({ id: 2 ** 50 }), /too large/],
    ['one id for two', () => withNode({ out: [50, 50].map((id) => ({ id, type: null })) }), /one id to two values/],
    [
      'an input that is no tensor',
      () => ({ ...json, inputs: [{ id: 0, type: null, hint: 'x' }] }),
      /an input is no tensor/,
    ],
    ['an id that is no integer', () => withNode({ id: 1.5 }), /must be an integer of 0 or more/],
    [
      'an unknown type',
      () => withNode({ out: [{ id: 50, type: ['float8', null] }] }),
      /type\[0\] must be one of float32/,
    ],
    ['an unknown attribute', () => withNode({ attrs: { evil: 1 } }), /unknown attribute 'evil'/],
    ['an attribute of another kind', () => withNode({ attrs: { scheme: ['1'] } }), /must be a number/],
    ['an attribute that is a list', () => withNode({ attrs: { scheme: [1] } }), /'scheme' must be an integer/],
    [
      'a tensor the file lacks',
      () => ({ ...json, parameters: { a: { tensor: 'nope' } } }),
      /'nope', which the file lacks/,
    ],
    [
      'packed weights of float',
      () => ({
        ...json,
        parameters: {
          a: {
            weight: 'fc2.weight',
            scales: 'fc2.bias',
            zeroPoints: 'fc1._packed_params.zero_points',
            axis: 0,
            bias: null,
          },
        },
      }),
      /parameters\.a is inconsistent/,
    ],
    ['an output of nobody', () => ({ ...json, outputs: [{ name: 'output', value: 77 }] }), /outputs\[0\]\.value/],
  ])('%s', async (_, graph, message) => {
    const text = await complaintOfGraph(graph());
    expect(text).toMatch(/^INVALID_FILE/);
    expect(text).toMatch(message);
  });

  it('never crashes: random edits of the JSON load or are an OctavoError', async () => {
    const text = JSON.stringify(json);
    const edit = fc.record({
      at: fc.nat(text.length),
      drop: fc.nat(6),
      put: fc.constantFrom('', '1', '-1', 'null', '[]', '{}', '"x"', '1e999', ','),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
        let edited = text;
        for (const { at: from, drop, put } of edits) edited = edited.slice(0, from) + put + edited.slice(from + drop);
        const result = await complaintOfGraph(edited, 'fuzz.octavo');
        if (result === 'loaded') await runs(at('fuzz.octavo'));
      }),
      { numRuns: 200 },
    );
  });

  it('never crashes: a value of the JSON replaced by any other', async () => {
    const places: string[][] = [];
    const walk = (value: unknown, path: string[]): void => {
      if (path.length > 0) places.push(path);
      if (typeof value !== 'object' || value === null) return;
      for (const [key, item] of Object.entries(value)) walk(item, [...path, key]);
    };
    walk(json, []);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places), fc.jsonValue({ maxDepth: 2 }), async (path, value) => {
        const edited = structuredClone(json);
        let holder = edited as Record<string, unknown>;
        for (const key of path.slice(0, -1)) holder = holder[key] as typeof holder;
        holder[path.at(-1) as string] = value;
        const result = await complaintOfGraph(edited, 'fuzz.octavo');
        if (result === 'loaded') await runs(at('fuzz.octavo'));
      }),
      { numRuns: 300 },
    );
  });

  it('never crashes: bytes flipped and cut anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(good.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        async (where, mask, cut) => {
          const bytes = good.slice(0, cut ? where : good.length);
          if (!cut) bytes[where]! ^= mask;
          expect(await complaintOfBytes(bytes, 'fuzz.octavo')).not.toBe('loaded');
        },
      ),
      { numRuns: 200 },
    );
  });

  /** A graph that loads runs, or refuses to by an OctavoError. */
  async function runs(path: string): Promise<void> {
    const graph = await loadGraph(path);
    graph.print();
    try {
      graph.run(Object.fromEntries(graph.inputNames.map((name) => [name, floats([2, 8])])));
    } catch (error) {
      if (!isOctavoError(error)) throw error;
    }
  }
});
