import { F, nn, Tensor } from '@octavo/core';
import fc from 'fast-check';
import { floats } from './models.js';

// Random models over tensors [batch, length, WIDTH]: every step takes earlier results and adds one.

const WIDTH = 8;

/** One step: which op, which earlier results it takes, and a seed for its weights. */
export interface Step {
  readonly kind: (typeof KINDS)[number];
  readonly from: readonly [number, number, number];
  readonly seed: number;
}

type Build = (seed: number) => (x: Tensor, y: Tensor, z: Tensor) => Tensor;

const STEPS = {
  linear: (seed) => {
    const [weight, bias] = [floats([WIDTH, WIDTH], seed, 0.5), seed % 3 === 0 ? null : floats([WIDTH], seed + 1)];
    return (x) => F.linear(x, weight, bias);
  },
  linearGelu: (seed) => {
    const weight = floats([WIDTH, WIDTH], seed, 0.5);
    return (x) => F.gelu(F.linear(x, weight));
  },
  linearRelu: (seed) => {
    const [weight, bias] = [floats([WIDTH, WIDTH], seed, 0.5), floats([WIDTH], seed + 1)];
    return (x) => F.relu(F.linear(x, weight, bias));
  },
  gelu: () => (x) => F.gelu(x),
  relu: () => (x) => F.relu(x),
  tanh: () => (x) => F.tanh(x),
  softmax: (seed) => (x) => F.softmax(x, (seed % 3) - 3),
  layerNorm: (seed) => {
    const norm = new nn.LayerNorm(WIDTH);
    norm.weight = floats([WIDTH], seed);
    return (x) => norm.call(x);
  },
  add: () => (x, y) => F.add(x, y),
  product: () => (x, y) => F.mul(F.tanh(x), y),
  cat: (seed) => {
    const weight = floats([WIDTH, 2 * WIDTH], seed, 0.4);
    return (x, y) => F.linear(F.cat([x, y], -1), weight);
  },
  conv: (seed) => {
    const [weight, bias] = [
      floats([WIDTH, WIDTH / 2, 3], seed, 0.3),
      seed % 3 === 0 ? null : floats([WIDTH], seed + 1),
    ];
    return overLength((x) => F.conv1d(x, weight, bias, { padding: 1, groups: 2 }));
  },
  convNormRelu: (seed) => {
    const [weight, norm] = [floats([WIDTH, WIDTH, 1], seed, 0.4), exactNorm(seed)];
    return overLength((x) => F.relu(norm(F.conv1d(x, weight))));
  },
  norm: (seed) => overLength(exactNorm(seed)),
  groupNorm: (seed) => overLength((x) => F.groupNorm(x, 1 << (seed % 3))),
  maxPool: () => overLength((x) => F.maxPool1d(x, 3, { stride: 1, padding: 1 })),
  avgPool: () => overLength((x) => F.avgPool1d(x, 3, { stride: 1, padding: 1 })),
  scale: (seed) => (x) => F.mul(x, (seed % 7) - 3),
  attention: (seed) => (x, y, z) => F.multiHeadAttention(x, y, z, null, { heads: 1 << (seed % 3) }),
  matmul: (seed) => {
    const table = floats([WIDTH, WIDTH], seed);
    return (x) => F.matmul(x, F.neg(table));
  },
  reshapeRoundTrip: () => (x) => F.reshape(F.permute(F.reshape(x, [0, 0, 2, 4]), [0, 1, 3, 2]), [0, 0, -1]),
  sliceCat: (seed) => (x, y) => {
    const at = 1 + (seed % (WIDTH - 1));
    return F.cat([F.slice(x, -1, 0, at), F.slice(y, -1, at)], -1);
  },
  positions: (seed) => {
    const table = floats([32, WIDTH], seed);
    return (x) => F.add(x, F.embedding(F.arangeLike(x, 1), table));
  },
} satisfies Record<string, Build>;

/** A step of ops that take [batch, channels, length]. */
function overLength(apply: (x: Tensor) => Tensor): (x: Tensor) => Tensor {
  return (x) => F.permute(apply(F.permute(x, [0, 2, 1])), [0, 2, 1]);
}

/** A batch norm whose factors are powers of two and that shifts nothing: folded into weights it rounds as before. */
function exactNorm(seed: number): (x: Tensor) => Tensor {
  const filled = (x: number): Tensor<'float32'> => new Tensor('float32', new Float32Array(WIDTH).fill(x), [WIDTH]);
  const [mean, variance, gamma] = [filled(0), filled(4 ** ((seed % 3) - 1)), filled(seed % 2 === 0 ? 1 : -0.5)];
  return (x) => F.batchNorm(x, mean, variance, gamma, null, 0);
}

const KINDS = Object.keys(STEPS) as (keyof typeof STEPS)[];

export const steps = fc.array(
  fc.record({
    kind: fc.constantFrom(...KINDS),
    from: fc.tuple(fc.nat(20), fc.nat(20), fc.nat(20)),
    seed: fc.integer({ min: 1, max: 1000 }),
  }),
  { minLength: 1, maxLength: 12 },
);

/** A function of one tensor [batch, length, WIDTH] that does the steps and returns its last two results. */
export function modelOf(list: readonly Step[]): (x: Tensor) => { last: Tensor; other: Tensor } {
  const made = list.map(({ kind, from, seed }) => ({ apply: (STEPS[kind] as Build)(seed), from }));
  return (x) => {
    const results: Tensor[] = [x];
    for (const { apply, from } of made) {
      // Mostly the latest results, so that chains form; now and then an early one.
      const pick = (n: number) => results[Math.max(results.length - 1 - (n % 5), 0)] as Tensor;
      results.push(apply(pick(from[0]), pick(from[1]), pick(from[2])));
    }
    return { last: results.at(-1) as Tensor, other: results.at(-2) as Tensor };
  };
}

export function randomInput(batch: number, length: number, seed: number): Tensor {
  return floats([batch, length, WIDTH], seed);
}
