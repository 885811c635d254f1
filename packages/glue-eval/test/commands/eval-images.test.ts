import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeTinyImageWorld, type TinyImageWorld } from '../eval/tiny-images.js';
import { octavo } from './command-run.js';

let world: TinyImageWorld;

beforeAll(async () => {
  world = await makeTinyImageWorld();
});
afterAll(() => world.remove());

const evalImages = (...more: string[]): string[] => [
  ...['eval', '--model', world.model, '--task', 'imagenet', '--data', world.data],
  ...more,
];

it('octavo eval prints and writes top-1 and top-5 of images', async () => {
  const [json, report] = [join(world.dir, 'r.json'), join(world.dir, 'r.html')];
  const { code, out, err } = await octavo(evalImages('--json', json, '--report', report));
  expect(code, err).toBe(0);
  const lines = out.split('\n');
  expect(lines[0]).toMatch(/^Note: calibrated on 2 of the 10 images of the data/);
  expect(lines[1]).toMatch(/ on imagenet \(val, 10 examples\), backend /);
  expect(lines[3]).toMatch(/^mode +qconfig +MB +top-1 +top-5 +changed +seconds +ms\/example/);
  expect(lines.slice(4).map((line) => line.slice(0, line.search(/ +\d/)))).toEqual([
    'float',
    'eager           staticImage',
    'eager reloaded  staticImage',
    'graph           staticImage',
    'graph reloaded  staticImage',
    '',
  ]);
  expect(err).toContain('eager staticImage, calibration: 2/2\n');
  const result = JSON.parse(await readFile(json, 'utf8'));
  expect(result.modes.map((row: { metrics: object }) => Object.keys(row.metrics))).toEqual(
    Array(5).fill(['top1', 'top5']),
  );
  const html = await readFile(report, 'utf8');
  expect(html).toContain('<figcaption>Top-1</figcaption>');
  expect(html).toContain('eager staticImage reloaded');
});

it('octavo eval refuses what is wrong with images, with exit code 2 and one sentence', async () => {
  const refusals: readonly (readonly [more: string[], message: string])[] = [
    [['--calibrate', join(world.dir, 'none')], 'calibration folder'],
    [['--mode', 'grph'], "unknown mode of task imagenet 'grph'"],
    [['--weights', join(world.data, 'synsets.txt')], 'synsets.txt'],
    [['--tokenizer', 'x'], 'tokenizer does not belong to task imagenet'],
  ];
  for (const [more, message] of refusals) {
    const { code, out, err } = await octavo(evalImages(...more));
    expect(code, err).toBe(2);
    expect(out).toBe('');
    expect(err).toMatch(/^octavo: [^\n]+\n$/);
    expect(err).toContain(message);
  }
});
