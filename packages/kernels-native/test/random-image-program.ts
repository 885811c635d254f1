import { type Program, Tensor } from '@octavo/core';
import { codes, floats, integer, type Random } from './random.js';
import { Builder, first } from './random-program.js';

type Step = (b: Builder, r: Random, image: number) => number;

const scales = { xScale: 0.05, xZeroPoint: 7, scale: 0.0625, zeroPoint: 12 };

/** Ways to go on from codes [batch, channels, height, width] to others, some through ops that know no layout. */
const STEPS: Step[] = [
  (b, _, x) => first(b.op('octavo::to_layout', [x], { channelsLast: 1 })),
  (b, _, x) => first(b.op('octavo::to_layout', [x], { channelsLast: 1 })),
  (b, _, x) => first(b.op('quantized::requantize', [x], { ...scales, relu: 1 })),
  (b, _, x) => first(b.op('quantized::hardswish', [x], scales)),
  (b, _, x) => first(b.op('quantized::max_pool2d', [x], { kernel: [3, 3], stride: [1, 1], padding: [1, 1] })),
  (b, r, x) => {
    const kernel = b
      .dims(x)
      .slice(2)
      .map((size) => integer(r, 1, Math.min(2, size)));
    return first(b.op('quantized::avg_pool2d', [x], { kernel, ceilMode: 1, xZeroPoint: 9 }));
  },
  (b, r, x) =>
    first(b.op('quantized::upsample_bilinear2d', [x], { size: [integer(r, 1, 7), integer(r, 1, 7)], xZeroPoint: 3 })),
  (b, r, x) => {
    const attrs = { aScale: 0.1, aZeroPoint: 3, bScale: 0.07, bZeroPoint: 128, scale: 0.125, zeroPoint: 5 };
    const others = [
      x,
      b.constant(codes(r, [...b.dims(x)], 'uint8')),
      b.constant(codes(r, [channels(b, x), 1, 1], 'uint8')),
    ];
    return first(b.op('quantized::add', [x, others[integer(r, 0, 2)] as number], attrs));
  },
  (b, _, x) => {
    const turned = first(b.op('octavo::to_layout', [x], { channelsLast: 1 }));
    return first(b.op('aten::cat', [x, turned], { dim: 1 }));
  },
  (b, _, x) => {
    const turned = first(b.op('octavo::to_layout', [x], { channelsLast: 1 }));
    return first(b.op('aten::cat', [turned, turned], { dim: 1 }));
  },
  (b, _, x) => {
    const flat = first(b.op('aten::reshape', [x], { dims: [0, -1] }));
    return first(b.op('aten::reshape', [flat], { dims: [...b.dims(x)] }));
  },
  (b, _, x) => first(b.op('aten::permute', [x], { dims: [0, 1, 3, 2] })),
  (b, r, x) => {
    const parameters = [0, 1, 2].map(() => b.constant(floats(r, [channels(b, x)])));
    const squares = floats(r, [channels(b, x)]);
    squares.data.forEach((v, i) => {
      squares.data[i] = v * v;
    });
    const variance = b.constant(squares);
    return first(b.op('quantized::batch_norm', [x, ...parameters, variance], { eps: 1e-5, ...scales, relu: 0 }));
  },
  (b, r, x) => {
    const scale = b.constant(Tensor.from([0.03]));
    const zero = b.constant(Tensor.from([integer(r, 0, 255)], { dtype: 'int32' }));
    const real = first(b.op('aten::dequantize', [x, scale, zero], { axis: -1 }));
    const active = first(b.op('aten::relu', [real], {}));
    return first(b.op('aten::quantize_per_tensor', [active, scale, zero], { dtype: 3 }));
  },
  (b, r, x) => {
    const scales = b.constant(Tensor.from([0.03]));
    const zero = b.constant(Tensor.from([integer(r, 0, 255)], { dtype: 'uint8' }));
    const attrs = { axis: 1, blockSize: 0 };
    const real = first(b.op('octavo::dequantize_linear', [x, scales, zero], attrs));
    const turned = r() < 0.5 ? first(b.op('aten::permute', [real], { dims: [0, 1, 3, 2] })) : real;
    return first(b.op('octavo::quantize_linear', [turned, scales, zero], { ...attrs, dtype: 3 }));
  },
];

function channels(b: Builder, x: number): number {
  return b.dims(x)[1] as number;
}

/** A random program over codes of an image, with two outputs, and its input. */
export function randomImageProgram(r: Random): { program: Program; input: Tensor } {
  const b = new Builder();
  const dims = [integer(r, 1, 2), integer(r, 1, 20), integer(r, 1, 6), integer(r, 1, 6)];
  const input = b.value({ dtype: 'uint8', dims });
  let last = input;
  for (let i = integer(r, 1, 8); i > 0; i--) last = (STEPS[integer(r, 0, STEPS.length - 1)] as Step)(b, r, last);
  const mean = first(b.op('quantized::mean', [last], { dims: [2, 3], keepdim: 0, xZeroPoint: 4 }));
  const program: Program = {
    values: b.values,
    instructions: b.instructions,
    inputs: [{ name: 'x', value: input, dtype: 'uint8' }],
    outputs: [
      { name: 'last', value: last },
      { name: 'mean', value: mean },
    ],
  };
  return { program, input: codes(r, dims, 'uint8') };
}
