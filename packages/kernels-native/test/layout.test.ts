import { type Attrs, ConvPackedParams, type Program, QuantizedTensor, referenceBackend, Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { createNativeBackend, supportedIsas } from '../src/index.js';
import { assignLayouts } from '../src/layout.js';
import { bitsOf, generator } from './random.js';
import { randomImageProgram } from './random-image-program.js';

const ROUNDS = process.env.OCTAVO_TEST_LONG ? 10_000 : 300;

/** x, then each op on the one before; the values are numbered in order. */
function chain(...ops: (readonly [op: string, attrs?: Attrs])[]): Program {
  const weight = new ConvPackedParams(
    new QuantizedTensor('qint8', Tensor.zeros([1, 1, 1, 1], 'int8'), {
      scales: Float32Array.of(1),
      zeroPoints: Int32Array.of(0),
    }),
  );
  const packed = ops.length + 1;
  return {
    values: [...Array.from({ length: packed }, (_, i) => ({ name: `%${i}` })), { name: 'packed', constant: weight }],
    instructions: ops.map(([op, attrs = {}], i) => ({
      op,
      inputs: op === 'quantized::conv' ? [i, packed] : [i],
      outputs: [i + 1],
      attrs,
    })),
    inputs: [{ name: 'x', value: 0, dtype: 'uint8' }],
    outputs: [{ name: 'y', value: ops.length }],
  };
}

describe('layouts of a program', () => {
  it('stay channels-last from convolution to convolution, with conversions at the ends alone', () => {
    const { program, channelsLast } = assignLayouts(
      chain(
        ['aten::quantize_per_tensor', { dtype: 3 }],
        ['quantized::conv'],
        ['quantized::relu'],
        ['quantized::max_pool2d', { kernel: [2, 2] }],
        ['quantized::conv'],
        ['quantized::mean'],
      ),
    );
    expect(program.instructions.map(({ op }) => op)).not.toContain('octavo::to_layout');
    expect([...channelsLast]).toEqual([1, 2, 3, 4, 5]);
  });

  it.each([
    ['one scale, at once', [0.1], true],
    ['scales along an axis, with a conversion', [0.1, 0.2], false],
  ] as const)("quantize for a convolution by ONNX's operator: %s", (_, scales, atOnce) => {
    const source = chain(['octavo::quantize_linear', { axis: 1, dtype: 3 }], ['quantized::conv']);
    const values = [...source.values, { name: 'scale', constant: Tensor.from([...scales]) }];
    const [quantize, conv] = source.instructions as [never, never];
    const instructions = [{ ...(quantize as object), inputs: [0, values.length - 1] } as never, conv];
    const { channelsLast } = assignLayouts({ ...source, values, instructions });
    expect(channelsLast.has(1)).toBe(atOnce);
  });

  it('convert a value once where ops know no layout, and at the outputs', () => {
    const source = chain(['quantized::conv'], ['quantized::layer_norm'], ['quantized::softmax']);
    const twice = {
      ...source,
      instructions: source.instructions.map((x, i) => (i === 2 ? { ...x, inputs: [1] } : x)),
      outputs: [1, 2, 3].map((value) => ({ name: `y${value}`, value })),
    };
    const { program, channelsLast } = assignLayouts(twice);
    expect(program.instructions.map(({ op, inputs, outputs }) => [op, ...inputs, ...outputs])).toEqual([
      ['quantized::conv', 0, 4, 1],
      ['octavo::to_layout', 1, 5],
      ['quantized::layer_norm', 5, 2],
      ['quantized::softmax', 5, 3],
    ]);
    expect(program.outputs.map(({ value }) => value)).toEqual([5, 2, 3]);
    expect([...channelsLast]).toEqual([1]);
  });

  it('convert where a window takes the channels for an axis of the image', () => {
    const { program } = assignLayouts(chain(['quantized::conv'], ['quantized::max_pool2d', { kernel: [2, 2, 2] }]));
    expect(program.instructions.map(({ op }) => op)).toEqual([
      'quantized::conv',
      'octavo::to_layout',
      'quantized::max_pool2d',
    ]);
  });

  it('leave a program without convolutions as it is', () => {
    const source = chain(['quantized::relu'], ['quantized::max_pool2d']);
    expect(assignLayouts(source)).toEqual({ program: source, channelsLast: new Set() });
  });

  it(`never change a bit: ${ROUNDS} random programs of images on every instruction set`, () => {
    const backends = supportedIsas().map((isa) => createNativeBackend({ isa, threads: 2 }));
    for (let seed = 0; seed < ROUNDS; seed++) {
      const { program, input } = randomImageProgram(generator(seed));
      const expected = referenceBackend.compile(program).run([input]).map(bitsOf);
      for (const backend of backends) {
        const executable = backend.compile(program);
        expect(executable.run([input]).map(bitsOf), `seed ${seed} on ${backend.isa}`).toEqual(expected);
        executable.dispose();
      }
    }
  }, 600_000);
});
