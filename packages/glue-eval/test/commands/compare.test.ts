import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manualSeed, nn, Tensor } from '@octavo/core';
import { writeSafetensors } from '@octavo/core/node';
import { quantizeDynamic, saveGraph, trace } from '@octavo/graph';
import { perRowDynamicQConfig } from '@octavo/observers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { octavo } from './command-run.js';

process.env.OCTAVO_BACKEND = 'reference';

const folder = mkdtempSync(join(tmpdir(), 'octavo-compare-'));
const [float, int8, debug, data] = ['float.octavo', 'int8.octavo', 'debug.octavo', 'in.safetensors'].map((name) =>
  join(folder, name),
) as [string, string, string, string];

beforeAll(async () => {
  manualSeed(1);
  const graph = trace(new nn.Sequential(new nn.Linear(4, 3), new nn.ReLU(), new nn.Linear(3, 2)), {
    x: Tensor.zeros([1, 4]),
  });
  await saveGraph(graph, float);
  await saveGraph(quantizeDynamic(graph, { '': perRowDynamicQConfig }), int8);
  await saveGraph(quantizeDynamic(graph, { '': perRowDynamicQConfig }, { debug: true }), debug);
  await writeSafetensors(data, {
    x: Tensor.from([
      [1, -2, 3, -4],
      [0.5, 0.25, -1, 2],
    ]),
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

it('prints activations, each node alone, and weights', async () => {
  const { code, out } = await octavo(['compare', float, int8, '--data', data, '--data', data]);
  expect(code).toBe(0);
  expect(out).toMatchInlineSnapshot(`
    "name    op                         compared    SQNR dB    cosine  max error     float range
    0       quantized::linear_dynamic  activation     45.3  0.999992     0.0131    -2.2 to 0.88
    1       aten::relu                 activation     36.7  1.000000     0.0131       0 to 0.88
    2       quantized::linear_dynamic  activation     44.9  0.999994    0.00504  0.349 to 0.821
    output                             output         44.9  0.999994    0.00504  0.349 to 0.821
    lowest of 4: 36.7 dB at 1 (activation)

    name  op                         compared  SQNR dB    cosine  max error     float range
    0     quantized::linear_dynamic  shadow       45.3  0.999992     0.0131    -2.2 to 0.88
    2     quantized::linear_dynamic  shadow       60.1  1.000000   0.000915  0.352 to 0.816
    lowest of 2: 45.3 dB at 0 (shadow)

    name      op                         compared  SQNR dB    cosine  max error      float range
    0.weight  quantized::linear_dynamic  weight       46.8  0.999996     0.0019  -0.164 to 0.483
    2.weight  quantized::linear_dynamic  weight       48.6  0.999993    0.00202  -0.516 to 0.324
    lowest of 2: 46.8 dB at 0.weight (weight)
    "
  `);
});

it('writes a page and JSON, and prints the worst first when asked to', async () => {
  const [json, page] = [join(folder, 'rows.json'), join(folder, 'page.html')];
  const { out } = await octavo(['compare', float, int8, '--worst-first', '--json', json, '--report', page]);
  // Without data there are weights alone.
  expect(JSON.parse(readFileSync(json, 'utf8')).map(({ name }: { name: string }) => name)).toEqual([
    '0.weight',
    '2.weight',
  ]);
  const lines = out.trimEnd().split('\n');
  expect(lines.at(-1)).toContain(`at ${lines[1]?.split(' ')[0]} (weight)`);
  expect(readFileSync(page, 'utf8')).toContain('<h2>Weights</h2>');
});

it('says which nodes of a debug graph differ in bits', async () => {
  const { code, out } = await octavo(['compare', debug, int8, '--data', data]);
  expect([code, out]).toMatchInlineSnapshot(`
    [
      0,
      "3 of 3 nodes differ in bits
    0 (quantized::linear_dynamic): 5 of 6 values, by at most 1.19e-7: int8 products are summed exactly; debug rounds its float32 sum at every step
    1 (aten::relu): 3 of 6 values, by at most 5.96e-8: its operand differs: 0
    2 (quantized::linear_dynamic): 3 of 4 values, by at most 5.96e-8: its operand differs: 1
    ",
    ]
  `);
});

it.each([
  [[int8, int8], 'expected a float or debug graph, got a quantized one'],
  [[debug, int8], '[compareDebug] expected at least one batch, got none'],
  [[debug, int8, '--report', 'page.html'], '--report: a comparison of bits has no page'],
])('refuses %j', async (args, message) => {
  const { code, err } = await octavo(['compare', ...args]);
  expect(code).toBe(2);
  expect(err).toMatch(/^octavo: [^\n]+\n$/);
  expect(err).toContain(message);
});
