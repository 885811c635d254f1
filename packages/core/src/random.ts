/**
 * A seedable generator: xoshiro128** 1.1 (D. Blackman and S. Vigna, public domain, prng.di.unimi.it), its state filled
 * from the seed by SplitMix32. The same seed gives the same numbers on every platform; they are not PyTorch's.
 */
export class Generator {
  private readonly state = new Uint32Array(4);
  private spare: number | null = null;

  constructor(seed = 0) {
    this.seed(seed);
  }

  /** Starts again from `seed`, any safe integer. */
  seed(seed: number): this {
    this.spare = null;
    let mix = (seed ^ Math.floor(seed / 4294967296)) >>> 0;
    for (let i = 0; i < 4; i++) {
      mix = (mix + 0x9e3779b9) >>> 0;
      let z = mix;
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      this.state[i] = z ^ (z >>> 16);
    }
    return this;
  }

  /** The next 32 bits. */
  next(): number {
    const s = this.state;
    const [s0, s1, s2, s3] = [s[0] as number, s[1] as number, s[2] as number, s[3] as number];
    const mixed2 = s2 ^ s0;
    const mixed3 = s3 ^ s1;
    s[1] = s1 ^ mixed2;
    s[0] = s0 ^ mixed3;
    s[2] = mixed2 ^ (s1 << 9);
    s[3] = rotateLeft(mixed3, 11);
    return Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0;
  }

  /** Uniform in [low, high), from 24 random bits, as float32 has. */
  uniform(low = 0, high = 1): number {
    return low + (this.next() >>> 8) * 2 ** -24 * (high - low);
  }

  /** Normal with mean 0 and deviation 1 (Box-Muller, which gives two at a time). */
  normal(): number {
    const { spare } = this;
    if (spare !== null) {
      this.spare = null;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** An integer in [0, below). */
  integer(below: number): number {
    return Math.floor(this.uniform() * below);
  }
}

function rotateLeft(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}

/** What new modules take their weights from. It starts at seed 0, so that a program without a seed repeats itself. */
export const defaultGenerator = new Generator(0);

/** Seeds the generator of module initialisation and dropout, as `torch.manual_seed`. */
export function manualSeed(seed: number): Generator {
  return defaultGenerator.seed(seed);
}
