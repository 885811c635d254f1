import { type Backend, LinearPackedParams, type Operand, type Program, QuantizedTensor, Tensor } from '@octavo/core';

/** Multiply-adds a second, in thousand millions, of one core. */
export interface Peaks {
  readonly int8: number;
  readonly float: number;
}

/** Sizes whose operands stay in the first two levels of cache; the best of them counts. */
const SHAPES = [
  { m: 48, k: 256, n: 96 },
  { m: 48, k: 512, n: 96 },
  { m: 96, k: 384, n: 192 },
] as const;
/** Products a run: enough to hide the call. */
const REPEATS = 48;
const TRIALS = 15;

/**
 * The peak of a core as our own GEMM kernels reach it on operands that lie in cache, epilogue included: one program
 * repeats one linear. The best of several trials and shapes. The instruction peak lies somewhat above.
 */
export function measurePeaks(backend: Backend): Peaks {
  let [int8, float] = [0, 0];
  for (const shape of SHAPES) {
    int8 = Math.max(int8, rate(backend, shape, int8Work(shape)));
    float = Math.max(float, rate(backend, shape, floatWork(shape)));
  }
  return { int8, float };
}

interface Shape {
  readonly m: number;
  readonly k: number;
  readonly n: number;
}

function rate(backend: Backend, { m, k, n }: Shape, { program, inputs }: Work): number {
  const executable = backend.compile(program);
  executable.run(inputs);
  let best = Number.POSITIVE_INFINITY;
  for (let trial = 0; trial < TRIALS; trial++) {
    const start = performance.now();
    executable.run(inputs);
    best = Math.min(best, performance.now() - start);
  }
  executable.dispose();
  return (m * k * n * REPEATS) / best / 1e6;
}

interface Work {
  readonly program: Program;
  readonly inputs: readonly Tensor[];
}

function floatWork({ m, k, n }: Shape): Work {
  const x = new Tensor('float32', pattern(new Float32Array(m * k)), [m, k]);
  return repeated('aten::linear', [x], new Tensor('float32', pattern(new Float32Array(n * k)), [n, k]));
}

function int8Work({ m, k, n }: Shape): Work {
  const codes = new Tensor('uint8', pattern(new Uint8Array(m * k)), [m, k]);
  const scales = new Tensor('float32', new Float32Array(m).fill(0.01), [m]);
  const zeroPoints = new Tensor('int32', new Int32Array(m).fill(128), [m]);
  const weight = new QuantizedTensor('qint8', new Tensor('int8', pattern(new Int8Array(n * k)), [n, k]), {
    scales: new Float32Array(n).fill(0.01),
    zeroPoints: new Int32Array(n),
    axis: 0,
  });
  return repeated('octavo::linear_quantized', [codes, scales, zeroPoints], new LinearPackedParams(weight));
}

/** A program of one linear, `REPEATS` times. Its operands are `inputs` and the weight; it has no bias. */
function repeated(op: string, inputs: readonly Tensor[], weight: Operand): Work {
  const operands = [...inputs, weight].map((_, i) => i);
  const results = Array.from({ length: REPEATS }, (_, i) => operands.length + i);
  const program: Program = {
    values: [
      ...inputs.map((_, i) => ({ name: `x${i}` })),
      { name: 'weight', constant: weight },
      ...results.map((value) => ({ name: `y${value}` })),
    ],
    instructions: results.map((value) => ({ op, inputs: operands, outputs: [value], attrs: { activation: 0 } })),
    inputs: inputs.map(({ type }, i) => ({ name: `x${i}`, value: i, dtype: type })),
    outputs: [{ name: 'y', value: results.at(-1) as number }],
  };
  return { program, inputs };
}

function pattern<A extends Float32Array | Int8Array | Uint8Array>(data: A): A {
  for (let i = 0; i < data.length; i++) data[i] = (i * 37) % 101;
  return data;
}
