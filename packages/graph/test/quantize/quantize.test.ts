import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { F, Module, nn, referenceBackend, type Tensor, withBackend } from '@octavo/core';
import { defaultPerChannelQConfig, perRowDynamicQConfig, sqnr } from '@octavo/observers';
import { describe, expect, it } from 'vitest';
import { calibrate, convert, coverage, loadGraph, prepare, quantize, saveGraph, trace } from '../../src/index.js';
import { images, tinyConvNet } from '../conv-models.js';
import { floats, Mlp, seeded } from '../models.js';

const qconfig = defaultPerChannelQConfig;
const batches = [images(4, 1), images(3, 2)];
const float = trace(tinyConvNet(), images(2));

const opsOf = (printed: string) => [...printed.matchAll(/= ([a-z]+::\w+)/g)].map(([, op]) => op as string);
const computing = (printed: string) => opsOf(printed).filter((op) => !op.startsWith('prim::'));

describe('static quantization of a convolutional network', () => {
  it('folds batch norms and observes each value once', () => {
    const prepared = prepare(float, { '': qconfig });
    expect(prepared.stage).toBe('prepared');
    expect(prepared.print()).toMatchSnapshot();
    expect(prepared.print()).not.toContain('batch_norm');
    // input; four convolutions, the sum and the linear.
    expect([...prepared.observers.values()].filter(({ role }) => role === 'activation')).toHaveLength(7);
  });

  it('computes what the float graph does while prepared', () => {
    const prepared = prepare(float, { '': qconfig });
    const [a, b] = [float, prepared].map((graph) => graph.run(images(2)).output as Tensor<'float32'>);
    // Folding moves the batch norm's factor into the weights, which rounds once more: 1e-7 of values around 1.
    a?.data.forEach((x, i) => {
      expect(Math.abs(x - (b?.data[i] as number))).toBeLessThan(1e-6);
    });
  });

  it('leaves one quantize at the entrance and one dequantize at the exit', async () => {
    const int8 = await quantize(float, { '': qconfig }, calibrate, [batches]);
    expect(computing(int8.print())).toEqual([
      'aten::quantize_per_tensor',
      'quantized::conv',
      'quantized::max_pool2d',
      'quantized::conv',
      'quantized::conv',
      'quantized::add',
      'quantized::conv',
      'quantized::adaptive_avg_pool2d',
      'aten::reshape',
      'quantized::linear',
      'aten::dequantize',
    ]);
    expect(int8.print()).toMatchSnapshot();
    const { rows } = coverage(int8);
    expect(rows.every(({ precision }) => precision === 'int8')).toBe(true);
    const [x, y] = [float, int8].map((graph) => graph.run(images(5, 9)).output as Tensor);
    expect(sqnr(x as Tensor, y as Tensor)).toBeGreaterThan(25);
  });

  it('gives the same graph and bits in one line and step by step', async () => {
    const prepared = prepare(float, { '': qconfig });
    for (const batch of batches) await calibrate(prepared, [batch]);
    const steps = convert(prepared);
    const line = await quantize(float, { '': qconfig }, calibrate, [batches]);
    expect(steps.print()).toBe(line.print());
    expect(steps.run(images(2)).output?.data).toEqual(line.run(images(2)).output?.data);
    expect(float.stage).toBe('float');
    expect(prepared.stage).toBe('prepared');
  });

  it('keeps float weights with scale, zero point and axis in debug mode, with the same results to rounding', async () => {
    const [debug, int8] = await Promise.all(
      [true, false].map((mode) => quantize(float, { '': qconfig }, calibrate, [batches], { debug: mode })),
    );
    const weight = debug!.get('block.conv1.weight');
    expect(weight.dims).toEqual([8, 8, 3, 3]);
    expect(weight.axis).toBe(0);
    expect(weight.scale).toHaveLength(8);
    expect(debug!.print()).not.toContain('quantized::');
    expect(() => int8!.get('block.conv1.weight')).toThrow(/frozen and packed/);
    const [a, b] = [debug!, int8!].map((graph) => graph.run(images(3)).output as Tensor<'float32'>);
    // A float sum that ends beside a tie may give the neighbouring code: one step of the last scale, 0.02 here.
    a?.data.forEach((x, i) => {
      expect(Math.abs(x - (b?.data[i] as number))).toBeLessThan(0.021);
    });
  });

  it('is saved and loaded with all its bits', async () => {
    const int8 = await quantize(float, { '': qconfig }, calibrate, [batches]);
    const file = join(mkdtempSync(join(tmpdir(), 'octavo-')), 'int8.octavo');
    await saveGraph(int8, file);
    const loaded = await loadGraph(file);
    expect(loaded.print()).toBe(int8.print());
    expect(loaded.run(images(2)).output?.data).toEqual(int8.run(images(2)).output?.data);
    rmSync(dirname(file), { recursive: true });
  });

  it('keeps what null names float, and says so', async () => {
    const int8 = await quantize(float, { '': qconfig, block: null, fc: null }, calibrate, [batches]);
    const rows = Object.fromEntries(
      coverage(int8).rows.map(({ path, precision, reason }) => [path, [precision, reason]]),
    );
    expect(rows).toMatchInlineSnapshot(`
      {
        "block.conv1": [
          "float32",
          "the entry of 'block' is null",
        ],
        "block.conv2": [
          "float32",
          "the entry of 'block' is null",
        ],
        "conv": [
          "int8",
          "defaultPerChannelQConfig: the entry of the model",
        ],
        "depthwise": [
          "int8",
          "defaultPerChannelQConfig: the entry of the model",
        ],
        "fc": [
          "float32",
          "its own entry is null",
        ],
      }
    `);
  });
});

describe('static quantization of linears', () => {
  it('carries gelu in int8, and goes back to float for what has no int8 form', async () => {
    const [up, down] = seeded(() => [new nn.Linear(8, 16), new nn.Linear(16, 4)] as const);
    const mlp = trace((x: Tensor) => F.silu(down.call(F.gelu(up.call(x)))), { x: floats([2, 8]) });
    const int8 = await quantize(mlp, { '': qconfig }, calibrate, [[{ x: floats([16, 8], 3) }]]);
    expect(computing(int8.print())).toEqual([
      'aten::quantize_per_tensor',
      'quantized::linear',
      'quantized::gelu',
      'quantized::linear',
      'aten::dequantize',
      'aten::silu',
    ]);
  });

  it('joins tensors of different ranges in codes', async () => {
    class Joined extends Module<(x: Tensor) => Tensor> {
      a = new nn.Linear(4, 4);
      b = new nn.Linear(4, 4);
      tanh = new nn.Tanh();

      forward(x: Tensor): Tensor {
        return F.cat([this.tanh.call(this.a.call(x)), F.mul(this.b.call(x), this.b.call(x))], 1);
      }
    }
    const graph = trace(
      seeded(() => new Joined()),
      { x: floats([2, 4]) },
    );
    const int8 = await quantize(graph, { '': qconfig }, calibrate, [[{ x: floats([8, 4], 5) }]]);
    const ops = computing(int8.print());
    expect(ops).toContain('quantized::tanh');
    expect(ops).toContain('quantized::mul');
    expect(ops.slice(-4)).toEqual(['quantized::requantize', 'quantized::requantize', 'aten::cat', 'aten::dequantize']);
    const [x, y] = [graph, int8].map((each) => each.run({ x: floats([8, 4], 5) }).output as Tensor);
    expect(sqnr(x as Tensor, y as Tensor)).toBeGreaterThan(25);
  });

  it('pads codes with their zero point, and in float with another value than 0', async () => {
    class Padded extends Module<(x: Tensor) => Tensor> {
      a = new nn.Linear(4, 4);
      b = new nn.Linear(7, 2);

      constructor(readonly value: number) {
        super();
      }

      forward(x: Tensor): Tensor {
        return this.b.call(F.pad(this.a.call(x), [1, 2], this.value));
      }
    }
    for (const [value, expected] of [
      [0, ['quantized::linear', 'quantized::pad', 'quantized::linear', 'aten::dequantize']],
      [1, ['quantized::linear', 'aten::dequantize', 'aten::pad', 'aten::quantize_per_tensor']],
    ] as const) {
      const graph = trace(
        seeded(() => new Padded(value)),
        { x: floats([2, 4]) },
      );
      const int8 = await quantize(graph, { '': qconfig }, calibrate, [[{ x: floats([8, 4], 5) }]]);
      expect(computing(int8.print()).slice(1, 5)).toEqual(expected);
      const [x, y] = [graph, int8].map((each) => each.run({ x: floats([8, 4], 5) }).output as Tensor);
      expect(sqnr(x as Tensor, y as Tensor)).toBeGreaterThan(25);
    }
  });
});

describe('misuse', () => {
  const mlp = trace(
    seeded(() => new Mlp()),
    { x: floats([2, 8]) },
  );

  it('names the place that no data reached', () => {
    expect(() => convert(prepare(mlp, { '': qconfig }))).toThrow(/observer of 'x' has seen no data.*calibrate/);
  });

  it('refuses dynamic qconfigs', () => {
    expect(() => prepare(mlp, { '': perRowDynamicQConfig })).toThrow(/no qconfig for static.*quantizeDynamic/);
  });

  it('refuses feeds that are none, and names the batch', async () => {
    const prepared = prepare(mlp, { '': qconfig });
    await expect(calibrate(prepared, [])).rejects.toThrow(/at least one batch/);
    await expect(calibrate(prepared, 5 as never)).rejects.toThrow(/iterable of feeds/);
    await expect(calibrate(prepared, [{ x: floats([2, 8]) }, { y: floats([2, 8]) }])).rejects.toThrow(
      /batch 1: .*no input 'y'/,
    );
  });

  it('stops by its signal and reports progress', async () => {
    const prepared = prepare(mlp, { '': qconfig });
    const seen: number[] = [];
    await calibrate(prepared, [{ x: floats([2, 8]) }, { x: floats([3, 8]) }], {
      onProgress: (done) => seen.push(done),
    });
    expect(seen).toEqual([1, 2]);
    const stopped = calibrate(prepared, [{ x: floats([2, 8]) }], { signal: AbortSignal.abort() });
    await expect(stopped).rejects.toThrow(expect.objectContaining({ code: 'ABORTED' }) as Error);
  });

  it('gives clones observers of their own', async () => {
    const prepared = prepare(mlp, { '': qconfig });
    await calibrate(prepared, [{ x: floats([2, 8]) }]);
    const copy = prepared.clone();
    const before = convert(prepared).print();
    await calibrate(copy, [{ x: floats([2, 8], 1, 100) }]);
    expect(convert(prepared).print()).toBe(before);
    expect(convert(copy).print()).not.toBe(before);
  });
});

describe('bits', () => {
  it("are the reference interpreter's on the active backend", async () => {
    const int8 = await quantize(float, { '': qconfig }, calibrate, [batches]);
    const feeds = images(3, 4);
    const expected = withBackend(referenceBackend, () => int8.run(feeds).output?.data);
    expect(int8.run(feeds).output?.data).toEqual(expected);
  });
});
