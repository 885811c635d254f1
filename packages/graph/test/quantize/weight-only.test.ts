import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { nn, type Tensor } from '@octavo/core';
import { defineQConfig, perRowDynamicQConfig, weightOnlyInt4QConfig, weightOnlyInt8QConfig } from '@octavo/observers';
import { describe, expect, it } from 'vitest';
import { coverage, graphSizeBytes, loadGraph, quantizeDynamic, saveGraph, trace } from '../../src/index.js';
import { floats, seeded } from '../models.js';

const x = floats([5, 48], 7);
const float = trace(
  seeded(() => new nn.Sequential(new nn.Linear(48, 64), new nn.GELU(), new nn.Linear(64, 8))),
  { x },
);
const output = (graph: typeof float) => (graph.run({ x }).output as Tensor<'float32'>).data;
const error = (graph: typeof float) =>
  Math.hypot(...output(graph).map((y, i) => y - (output(float)[i] as number))) / Math.hypot(...output(float));

describe('linears of 8- and 4-bit weights', () => {
  it('keep arithmetic in float, close to the float model, by bits and by group size', () => {
    const int8 = quantizeDynamic(float, { '': weightOnlyInt8QConfig });
    const int4 = quantizeDynamic(float, { '': weightOnlyInt4QConfig });
    const wide = quantizeDynamic(float, { '': defineQConfig({ ...weightOnlyInt4QConfig, groupSize: 64 }) });
    expect(int4.print()).toContain('octavo::linear_weight_only[bits=4, groupSize=32');
    expect(error(int8)).toBeLessThan(0.01);
    expect(error(int4)).toBeLessThan(0.15);
    expect(error(int8)).toBeLessThan(error(int4));
    expect(error(int4)).toBeLessThan(error(wide));
    expect(graphSizeBytes(int4)).toBeLessThan(graphSizeBytes(int8));
  });

  it('say so in the report, and mix with int8 linears', () => {
    const mixed = quantizeDynamic(float, { '': perRowDynamicQConfig, 0: weightOnlyInt4QConfig });
    expect(coverage(mixed).rows.map(({ path, precision, reason }) => `${path}: ${precision}, ${reason}`)).toEqual([
      '0: float32, weight only, 4 bits in groups of 32',
      '2: int8, perRowDynamicQConfig: the entry of the model',
    ]);
    expect(coverage(mixed).rows[0]?.multiplyAdds).toBe(48 * 64);
  });

  it('have the bits of their debug form, and of the file', async () => {
    const int4 = quantizeDynamic(float, { '': weightOnlyInt4QConfig });
    const debug = quantizeDynamic(float, { '': weightOnlyInt4QConfig }, { debug: true });
    expect(debug.print()).toContain('aten::linear');
    expect(output(debug)).toEqual(output(int4));
    expect(() => int4.get('0.weight')).toThrow(/frozen and packed/);
    const file = join(mkdtempSync(join(tmpdir(), 'octavo-')), 'int4.octavo');
    await saveGraph(int4, file);
    const loaded = await loadGraph(file);
    expect(loaded.print()).toBe(int4.print());
    expect(output(loaded)).toEqual(output(int4));
    rmSync(dirname(file), { recursive: true });
  });
});
