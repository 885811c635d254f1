import { expect, it } from 'vitest';
import { Generator, manualSeed } from '../src/random.js';

it('the same seed gives the same numbers, here and everywhere', () => {
  const generator = new Generator(42);
  const first = [generator.next(), generator.next(), generator.next()];
  expect(new Generator(42).next()).toBe(first[0]);
  expect(manualSeed(42).next()).toBe(first[0]);
  expect(generator.seed(42).next()).toBe(first[0]);
  expect(new Generator(43).next()).not.toBe(first[0]);
  expect(first).toMatchSnapshot();
});

it('uniform and normal numbers have the moments they should', () => {
  const generator = new Generator(1);
  const moments = (draw: () => number): [number, number] => {
    const values = Array.from({ length: 20000 }, draw);
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    return [mean, values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length];
  };
  const [mean, variance] = moments(() => generator.uniform(-1, 3));
  expect([Math.abs(mean - 1) < 0.05, Math.abs(variance - 16 / 12) < 0.05]).toEqual([true, true]);
  const [normalMean, normalVariance] = moments(() => generator.normal());
  expect([Math.abs(normalMean) < 0.05, Math.abs(normalVariance - 1) < 0.05]).toEqual([true, true]);
  for (let i = 0; i < 1000; i++) {
    const x = generator.uniform();
    expect(x >= 0 && x < 1).toBe(true);
    expect([0, 1, 2]).toContain(generator.integer(3));
  }
});
