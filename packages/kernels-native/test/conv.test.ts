import { type Attrs, ConvPackedParams, opByName, type Program, referenceBackend, type Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { createNativeBackend, supportedIsas } from '../src/index.js';
import { bitsOf, codes, floats, generator, quantizedWeight } from './random.js';
import { runKernel } from './run-kernel.js';

const backends = supportedIsas().flatMap((isa) => [1, 3].map((threads) => createNativeBackend({ isa, threads })));

interface Layer {
  readonly x: readonly number[];
  /** [out, in / groups, ...kernel] */
  readonly weight: readonly number[];
  readonly stride?: number;
  /** One number, or [begin..., end...]. */
  readonly padding?: number | readonly number[];
  readonly dilation?: number;
  readonly groups?: number;
}

/** The kinds of layer that networks have, each of several blocks of rows and more than one strip of columns. */
const LAYERS: Record<string, Layer> = {
  'a first layer of few channels': { x: [1, 3, 33, 31], weight: [24, 3, 3, 3], stride: 2, padding: [0, 0, 1, 1] },
  'a first layer of a large kernel': { x: [1, 3, 40, 40], weight: [20, 3, 7, 7], stride: 2, padding: 3 },
  'one tap on each pixel': { x: [2, 24, 15, 15], weight: [40, 24, 1, 1] },
  'one tap on every other pixel': { x: [1, 70, 21, 21], weight: [33, 70, 1, 1], stride: 2 },
  'one tap and padding': { x: [1, 8, 15, 9], weight: [17, 8, 1, 1], padding: 1 },
  '3 by 3': { x: [1, 16, 20, 20], weight: [40, 16, 3, 3], padding: 1 },
  '3 by 3, many channels': { x: [1, 64, 9, 9], weight: [20, 64, 3, 3], padding: 1 },
  'dilated 3 by 3': { x: [1, 12, 20, 20], weight: [20, 12, 3, 3], padding: 2, dilation: 2 },
  groups: { x: [2, 16, 12, 12], weight: [72, 4, 3, 3], padding: 1, groups: 4 },
  'depthwise 5 by 5': { x: [1, 48, 17, 17], weight: [48, 1, 5, 5], padding: [1, 1, 2, 2], groups: 48 },
  'depthwise 3 by 3 of odd width, every other pixel': {
    x: [2, 37, 16, 16],
    weight: [37, 1, 3, 3],
    stride: 2,
    padding: 1,
    groups: 37,
  },
  'dilated depthwise': { x: [1, 35, 16, 16], weight: [35, 1, 3, 3], padding: 2, dilation: 2, groups: 35 },
  'depthwise with two outputs a channel': { x: [1, 12, 12, 12], weight: [24, 1, 3, 3], padding: 1, groups: 12 },
  'along one axis': { x: [2, 9, 200], weight: [20, 9, 5], padding: 4, dilation: 2 },
  'along three axes': { x: [1, 6, 6, 8, 8], weight: [20, 6, 2, 3, 3], padding: [1, 1, 1, 0, 1, 1] },
};

const asList = (value: number | readonly number[], count: number): number[] =>
  typeof value === 'number' ? new Array<number>(count).fill(value) : [...value];

function expectSame(op: string, inputs: Parameters<ReturnType<typeof opByName>['reference']>[0], attrs: Attrs): void {
  const def = opByName(op);
  const expected = def.reference(inputs, attrs).map(bitsOf);
  for (const backend of backends) {
    const got = runKernel(backend, def, inputs, attrs).map(bitsOf);
    expect(got, `${backend.isa}, ${backend.threads} threads`).toEqual(expected);
  }
}

describe('native convolutions over more than one block', () => {
  it.each(Object.keys(LAYERS))('have the bits of the reference, of codes and of floats: %s', (name) => {
    const { x, weight, groups = 1, stride = 1, dilation = 1, padding = 0 } = LAYERS[name] as Layer;
    const rank = x.length - 2;
    const random = generator(name.length);
    for (const perChannel of [true, false]) {
      const bias = perChannel ? floats(random, [weight[0] as number]) : null;
      const packed = new ConvPackedParams(quantizedWeight(random, weight, perChannel), bias, {
        stride,
        dilation,
        padding,
        groups,
      });
      const attrs = { xScale: 0.02, xZeroPoint: 117, scale: 1.5, zeroPoint: 30, activation: perChannel ? 3 : 0 };
      expectSame('quantized::conv', [codes(random, x, 'uint8'), packed], attrs);
    }
    expectSame('aten::conv', [floats(random, x), floats(random, weight), floats(random, [weight[0] as number])], {
      stride: asList(stride, rank),
      padding: asList(padding, 2 * rank),
      dilation: asList(dilation, rank),
      groups,
      activation: 3,
    });
  });
});

describe('a native program', () => {
  /** Two convolutions of one weight [4, 2, 3, 3]: as one group of two channels, and as two groups of four. */
  function sharedWeight(
    random: () => number,
    groups: readonly [number, number],
  ): { program: Program; inputs: Tensor[] } {
    const attrs = { stride: [1, 1], padding: [1, 1, 1, 1], dilation: [1, 1], activation: 1 };
    const program: Program = {
      values: [
        { name: 'a' },
        { name: 'b' },
        { name: 'w', constant: floats(random, [4, 2, 3, 3]) },
        { name: 'c' },
        { name: 'd' },
      ],
      instructions: [
        { op: 'aten::conv', inputs: [0, 2], outputs: [3], attrs: { ...attrs, groups: groups[0] } },
        { op: 'aten::conv', inputs: [1, 2], outputs: [4], attrs: { ...attrs, groups: groups[1] } },
      ],
      inputs: [
        { name: 'a', value: 0, dtype: 'float32' },
        { name: 'b', value: 1, dtype: 'float32' },
      ],
      outputs: [
        { name: 'c', value: 3 },
        { name: 'd', value: 4 },
      ],
    };
    return { program, inputs: groups.map((count) => floats(random, [1, 2 * count, 7, 7])) };
  }

  it.each([[[1, 1]], [[2, 2]], [[1, 2]]] as [[number, number]][])(
    'packs the weight of float convolutions of %o groups',
    (groups) => {
      const { program, inputs } = sharedWeight(generator(3), groups);
      const expected = referenceBackend.compile(program).run(inputs).map(bitsOf);
      for (const backend of backends) {
        const executable = backend.compile(program);
        expect(executable.run(inputs).map(bitsOf)).toEqual(expected);
        executable.dispose();
      }
    },
  );

  it('runs a quantized convolution with packed parameters as a constant', () => {
    const random = generator(4);
    const packed = new ConvPackedParams(quantizedWeight(random, [8, 3, 3, 3], true), floats(random, [8]), {
      padding: 1,
    });
    const program: Program = {
      values: [{ name: 'x' }, { name: 'packed', constant: packed }, { name: 'y' }],
      instructions: [
        {
          op: 'quantized::conv',
          inputs: [0, 1],
          outputs: [2],
          attrs: { xScale: 0.1, xZeroPoint: 3, scale: 0.9, zeroPoint: 100 },
        },
      ],
      inputs: [{ name: 'x', value: 0, dtype: 'uint8' }],
      outputs: [{ name: 'y', value: 2 }],
    };
    const x = codes(random, [1, 3, 9, 9], 'uint8');
    const expected = referenceBackend.compile(program).run([x]).map(bitsOf);
    for (const backend of backends) expect(backend.compile(program).run([x]).map(bitsOf)).toEqual(expected);
  });
});
