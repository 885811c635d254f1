import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { isOctavoError } from '@octavo/core';
import { afterAll, describe, expect, it } from 'vitest';
import { importOnnx } from '../../src/index.js';
import { TensorProto_DataLocation, TensorProtoSchema } from '../../src/onnx/gen/onnx_pb.js';
import { graphProto, modelBytes, tensorProto } from './build-model.js';

const FOLDER = mkdtempSync(join(tmpdir(), 'octavo-onnx-'));
afterAll(() => rmSync(FOLDER, { recursive: true }));

const MODEL = modelBytes({
  inputs: { x: ['n', 4] },
  initializers: [tensorProto('w', [4, 2], [1, 2, 3, 4, 5, 6, 7, 8]), tensorProto('shape', [2], [0, -1], 7)],
  nodes: [
    { op: 'MatMul', name: '/fc/MatMul', in: ['x', 'w'], out: ['h'] },
    { op: 'Reshape', name: '/flat', in: ['h', 'shape'], out: ['r'] },
    { op: 'Softmax', name: '/softmax', in: ['r'], out: ['y'], attrs: { axis: -1 } },
  ],
  outputs: ['y'],
});

/** A model whose weight lies in `location`. */
function external(location: string, more: Record<string, string> = {}): string {
  const weight = create(TensorProtoSchema, {
    name: 'w',
    dataType: 1,
    dims: [4n],
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries({ location, ...more }).map(([key, value]) => ({ key, value })),
  });
  const bytes = modelBytes({
    inputs: { x: [4] },
    initializers: [weight],
    nodes: [{ op: 'Add', name: '/add', in: ['x', 'w'], out: ['y'] }],
    outputs: ['y'],
  });
  const path = join(FOLDER, 'model.onnx');
  writeFileSync(path, bytes);
  return path;
}

describe('external data', () => {
  writeFileSync(join(FOLDER, 'weights.bin'), Buffer.from(Float32Array.of(0, 1, 2, 3, 4, 5).buffer));

  it('is read from where the model says', async () => {
    const graph = await importOnnx(external('weights.bin', { offset: '8', length: '16' }));
    expect([...(graph.get('w').data as Float32Array)]).toEqual([2, 3, 4, 5]);
  });

  it.each([
    ['../weights.bin', /leads out of the model's folder/],
    ['/etc/passwd', /leads out of the model's folder/],
    ['a/../../x', /leads out of the model's folder/],
    ['C:\\x', /leads out of the model's folder/],
    ['missing.bin', /'missing.bin' is missing beside the model/],
    ['.', /link out of|no file/],
    ['', /leads out/],
  ])('in %j is refused, by tensor and file', async (location, message) => {
    await expect(importOnnx(external(location))).rejects.toThrow(/model\.onnx: tensor 'w'/);
    await expect(importOnnx(external(location))).rejects.toThrow(message);
  });

  it('behind a link out of the folder is refused', async () => {
    symlinkSync('/etc/hostname', join(FOLDER, 'link.bin'));
    await expect(importOnnx(external('link.bin'))).rejects.toThrow(/link out of the model's folder/);
  });

  it.each([
    [{ offset: '16', length: '16' }, /bytes 16 to 32 lie outside 'weights.bin', which has 24/],
    [{ offset: '-8', length: '16' }, /lie outside/],
    [{ offset: 'x' }, /lie outside/],
    [{ length: '9007199254740993000' }, /lie outside/],
    [{ offset: '0', length: '8' }, /take 16 bytes, it has 8/],
  ])('of %j is refused', async (range, message) => {
    await expect(importOnnx(external('weights.bin', range))).rejects.toThrow(message);
  });

  it('of a model that came as bytes needs a folder', async () => {
    const path = external('weights.bin', { length: '16' });
    const bytes = new Uint8Array((await import('node:fs')).readFileSync(path));
    await expect(importOnnx(bytes)).rejects.toThrow(/name its folder/);
    expect((await importOnnx(bytes, { folder: FOLDER })).outputNames).toEqual(['y']);
  });
});

describe('a hostile model', () => {
  it.each<[string, Uint8Array, RegExp]>([
    ['of no bytes', new Uint8Array(), /no ONNX model/],
    ['that is text', Buffer.from('<!doctype html><p>not found'), /no (whole )?ONNX model/],
    [
      'whose nodes form a cycle',
      modelBytes({
        inputs: { x: [1] },
        nodes: [
          { op: 'Add', name: '/a', in: ['x', 'b'], out: ['a'] },
          { op: 'Neg', name: '/b', in: ['a'], out: ['b'] },
        ],
        outputs: ['b'],
      }),
      /Add '\/a' reads 'b', which nothing before it makes: the graph is cyclic or not in order/,
    ],
    [
      'with a tensor of 2^60 elements',
      modelBytes({
        inputs: { x: [1] },
        initializers: [
          create(TensorProtoSchema, {
            name: 'w',
            dataType: 1,
            dims: [2n ** 30n, 2n ** 30n],
            rawData: new Uint8Array(8),
          }),
        ],
        nodes: [{ op: 'Add', in: ['x', 'w'], out: ['y'] }],
        outputs: ['y'],
      }),
      /tensor 'w'.*(no sizes|it has 8)/,
    ],
    [
      'that makes a tensor of 2^50 elements',
      modelBytes({
        initializers: [tensorProto('dims', [2], [2 ** 25, 2 ** 25], 7)],
        nodes: [{ op: 'ConstantOfShape', name: '/big', in: ['dims'], out: ['y'] }],
        outputs: ['y'],
      }),
      /ConstantOfShape '\/big': a tensor \[33554432, 33554432\] is too large/,
    ],
    [
      'with two makers of one value',
      modelBytes({
        inputs: { x: [1] },
        nodes: [
          { op: 'Neg', in: ['x'], out: ['y'] },
          { op: 'Abs', in: ['x'], out: ['y'] },
        ],
        outputs: ['y'],
      }),
      /makes 'y', which is made before/,
    ],
    [
      'with a weight of another shape',
      modelBytes({
        inputs: { x: [2, 4] },
        initializers: [tensorProto('w', [3, 2], [1, 2, 3, 4, 5, 6])],
        nodes: [{ op: 'MatMul', name: '/fc/MatMul', in: ['x', 'w'], out: ['y'] }],
        outputs: ['y'],
      }),
      /model: MatMul '\/fc\/MatMul': \[aten::linear\] expected/,
    ],
    [
      'whose loop runs 2^40 times',
      modelBytes({
        inputs: { x: [1] },
        initializers: [tensorProto('count', [], [2 ** 40], 7)],
        nodes: [
          {
            op: 'Loop',
            in: ['count', '', 'x'],
            out: ['y'],
            attrs: {
              body: graphProto({
                inputs: { i: [], going: [], v: [1] },
                types: { i: 7, going: 9 },
                nodes: [
                  { op: 'Neg', in: ['v'], out: ['w'] },
                  { op: 'Identity', in: ['going'], out: ['still'] },
                ],
                outputs: ['still', 'w'],
              }),
            },
          },
        ],
        outputs: ['y'],
      }),
      /a loop of 1099511627776/,
    ],
    [
      'whose loop without a body runs 2^40 times',
      modelBytes({
        inputs: { x: [1] },
        initializers: [tensorProto('count', [], [2 ** 40], 7)],
        nodes: [
          {
            op: 'Loop',
            in: ['count', '', 'x'],
            out: ['y'],
            attrs: {
              body: graphProto({
                inputs: { i: [], going: [], v: [1] },
                types: { i: 7, going: 9 },
                nodes: [],
                outputs: ['going', 'v'],
              }),
            },
          },
        ],
        outputs: ['y'],
      }),
      /a loop of 1099511627776/,
    ],
  ])('%s is an error that says so', async (_, bytes, message) => {
    await expect(importOnnx(bytes)).rejects.toThrow(message);
  });

  it('cut off anywhere, or with flipped bits, is read or refused, and never crashes', async () => {
    let seed = 42;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    for (let round = 0; round < 600; round++) {
      const bytes = round < MODEL.length ? MODEL.slice(0, round) : MODEL.slice();
      if (round >= MODEL.length || round % 2 === 0) {
        for (let flips = 1 + random(4); flips > 0 && bytes.length > 0; flips--) {
          const at = random(bytes.length);
          bytes[at] = (bytes[at] as number) ^ (1 << random(8));
        }
      }
      try {
        (await importOnnx(bytes)).print();
      } catch (error) {
        if (!isOctavoError(error)) throw new Error(`round ${round}: ${(error as Error).stack}`);
        expect([
          'INVALID_FILE',
          'UNSUPPORTED',
          'FILE_NOT_FOUND',
          'INVALID_DATA',
          'INVALID_SHAPE',
          'INVALID_DTYPE',
          'INVALID_ARGUMENT',
          'UNKNOWN_NAME',
        ]).toContain(error.code);
      }
    }
  });

  it('nested thousands deep is refused', async () => {
    // graph.node.attribute.g.node.attribute.g ..., from the inside out.
    const field = (number: number, bytes: Buffer): Buffer => {
      const length: number[] = [];
      for (let rest = bytes.length; ; rest >>= 7) {
        length.push(rest > 127 ? (rest & 127) | 128 : rest);
        if (rest <= 127) break;
      }
      return Buffer.concat([Buffer.of((number << 3) | 2, ...length), bytes]);
    };
    let graph: Buffer = Buffer.alloc(0);
    for (let depth = 0; depth < 6000; depth++) graph = field(1, field(5, field(6, graph)));
    const opset = field(8, Buffer.of(0x10, 17));
    await expect(importOnnx(Buffer.concat([field(7, graph), opset]))).rejects.toMatchObject({ code: 'INVALID_FILE' });
  });
});
