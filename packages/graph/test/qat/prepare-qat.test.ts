import { F, nn, Tensor } from '@octavo/core';
import {
  defaultPerChannelQConfig,
  type FakeQuantize,
  getDefaultQatQConfig,
  perRowDynamicQConfig,
} from '@octavo/observers';
import { describe, expect, it } from 'vitest';
import {
  calibrate,
  convert,
  coverage,
  prepare,
  prepareQat,
  qparamsOf,
  trace,
  trainingStep,
  verify,
} from '../../src/index.js';
import { images, tinyConvNet } from '../conv-models.js';
import { bits, floats, floatsOf, Mlp, seeded } from '../models.js';

const float = trace(tinyConvNet(), images(2));
const batches = [images(4, 1), images(3, 2), images(2, 3)];
/** 8 bits; with 7 (`fbgemm`), fake quantization clamps at 127 what the codes of the int8 graph can still hold. */
const qconfig = getDefaultQatQConfig('onednn');
const small = () =>
  trace(
    new nn.Sequential(
      seeded(() => new nn.Linear(2, 2)),
      new nn.ReLU(),
    ),
    { x: floats([1, 2]) },
  );

describe('prepareQat', () => {
  it('puts fake quantizers where prepare puts observers, on weights too', () => {
    const qat = prepareQat(small());
    expect(small().print()).toMatchInlineSnapshot(`
      "graph(%self : Sequential,
            %x : Float(1, 2)):
        %weight.1 : Float(2, 2) = prim::GetAttr[name="0.weight"](%self)
        %bias.1 : Float(2) = prim::GetAttr[name="0.bias"](%self)
        %4 : Float(1, 2) = aten::linear(%x, %weight.1, %bias.1), scope: 0
        %5 : Float(1, 2) = aten::relu(%4), scope: 1
        return (%5)
      "
    `);
    expect(qat.print()).toMatchInlineSnapshot(`
      "graph(%self : Sequential,
            %x : Float(1, 2)):
        %rounded.1 : Float(1, 2) = octavo::observe[observer="_observer_0", kind="FusedMovingAvgObsFakeQuantize(observer=MovingAverageMinMaxObserver, quantMin=0, quantMax=255, reduceRange=true)", fakeQuantize=1](%x)
        %weight.1 : Float(2, 2) = prim::GetAttr[name="0.weight"](%self)
        %bias.1 : Float(2) = prim::GetAttr[name="0.bias"](%self)
        %rounded.2 : Float(2, 2) = octavo::observe[observer="_observer_1", kind="FusedMovingAvgObsFakeQuantize(observer=MovingAveragePerChannelMinMaxObserver, quantMin=-128, quantMax=127, dtype=qint8, qscheme=per_channel_symmetric)", fakeQuantize=1](%weight.1)
        %6 : Float(1, 2) = aten::linear(%rounded.1, %rounded.2, %bias.1), scope: 0
        %7 : Float(1, 2) = aten::relu(%6), scope: 1
        %rounded.3 : Float(1, 2) = octavo::observe[observer="_observer_2", kind="FusedMovingAvgObsFakeQuantize(observer=MovingAverageMinMaxObserver, quantMin=0, quantMax=255, reduceRange=true)", fakeQuantize=1](%7)
        return (%rounded.3)
      "
    `);
    expect(verify(qat).stage).toBe('prepared');
    const [a, b] = [prepareQat(float), prepare(float, { '': defaultPerChannelQConfig })];
    expect([...a.nodes()].map(({ op }) => op)).toEqual([...b.nodes()].map(({ op }) => op));
    expect(float.stage).toBe('float');
  });

  it('refuses a graph that is prepared, a key that names no module, and qconfigs that round nothing', () => {
    expect(() => prepareQat(prepareQat(float))).toThrow('this one is prepared already');
    expect(() => prepareQat(float, { '': qconfig, blok: null })).toThrow("did you mean 'block'?");
    expect(() => prepareQat(float, { '': defaultPerChannelQConfig })).toThrow('does not fake-quantize activations');
    expect(() => prepareQat(float, { '': perRowDynamicQConfig })).toThrow('does not fake-quantize activations');
  });

  it('keeps what null names float', async () => {
    const qat = await calibrate(prepareQat(float, { '': qconfig, block: null }), batches);
    const rows = coverage(convert(qat)).rows.map(({ path, precision }) => `${path} ${precision}`);
    expect(rows).toEqual(['conv int8', 'block.conv1 float32', 'block.conv2 float32', 'depthwise int8', 'fc int8']);
  });

  it('passes values on until a batch has come, and then rounds by the ranges known so far', async () => {
    const [qat, prepared] = [prepareQat(float), prepare(float, { '': defaultPerChannelQConfig })];
    const [before] = [qat.run(images(2)).output];
    expect(bits(before)).toEqual(bits(prepared.run(images(2)).output));
    await calibrate(qat, batches);
    const after = qat.run(images(2)).output;
    expect(bits(after)).not.toEqual(bits(before));
    // The last fake quantizer leaves at most as many values as there are codes: whole steps of its scale.
    const last = [...qat.observers.values()].filter(({ role }) => role === 'activation').at(-1)
      ?.observer as FakeQuantize;
    for (const value of floatsOf(after))
      expect(value).toBe(Math.fround(Math.round(value / (last.scale as number)) * (last.scale as number)));
    // A run teaches nothing.
    expect(bits(qat.run(images(2)).output)).toEqual(bits(after));
  });

  it('runs compiled what it computes node by node, in 7 bits as well', async () => {
    const qat = await calibrate(prepareQat(float, { '': getDefaultQatQConfig('fbgemm') }), batches);
    for (const { observer } of qat.observers.values()) (observer as FakeQuantize).observerEnabled = false;
    // Larger than any batch before: values are clamped to the highest code.
    const loud = { input: F.mul(images(2, 9).input, 3) };
    expect(bits(qat.run(loud).output)).toEqual(bits(trainingStep(qat, loud).outputs.output));
  });

  it('heeds the switches of fake quantizers', async () => {
    const qat = await calibrate(prepareQat(float), batches);
    const rounded = bits(qat.run(images(2)).output);
    for (const { observer } of qat.observers.values()) (observer as FakeQuantize).fakeQuantEnabled = false;
    const plain = bits(qat.run(images(2)).output);
    expect(plain).not.toEqual(rounded);
    expect(plain).toEqual(bits(prepareQat(float).run(images(2)).output));
  });

  it('converts to the int8 graph with the ranges of its fake quantizers, whose values it had', async () => {
    const qat = await calibrate(prepareQat(float, { '': qconfig }), batches);
    const int8 = convert(qat);
    const scales = [...qat.observers.values()].flatMap(({ role, observer }) =>
      role === 'activation' ? [(observer as FakeQuantize).scale] : [],
    );
    const rows = qparamsOf(int8).filter(({ role }) => role === 'activation');
    expect(new Set(rows.map((row) => row.scales[0]))).toEqual(new Set(scales));
    const [a, b] = [qat, int8].map((graph) => floatsOf(graph.run(images(3)).output));
    // A float sum that ends beside a tie may give the neighbouring code: one step of the last scale.
    a?.forEach((x, i) => {
      expect(Math.abs(x - (b?.[i] as number))).toBeLessThanOrEqual((scales.at(-1) as number) * 1.001);
    });
    expect(() => convert(prepareQat(float))).toThrow('has seen no data');
  });

  it('gives activations of a known range their fixed scale', async () => {
    const graph = trace(
      new nn.Sequential(
        seeded(() => new nn.Linear(2, 2)),
        new nn.Sigmoid(),
      ),
      { x: floats([1, 2]) },
    );
    const int8 = convert(await calibrate(prepareQat(graph), [{ x: floats([8, 2]) }]));
    expect(int8.print()).toContain('quantized::sigmoid[xScale=');
    expect(int8.print()).toContain('scale=0.00390625');
  });
});

describe('training', () => {
  it('lowers the loss by the caller’s SGD, and the int8 graph keeps what was learnt', async () => {
    const x = floats([64, 8], 3, 1);
    const target = new Tensor(
      'float32',
      Float32Array.from({ length: 256 }, (_, i) => Math.abs(x.data[Math.floor(i / 4) * 8 + (i % 4)] as number)),
      [64, 4],
    );
    const qat = prepareQat(
      trace(
        seeded(() => new Mlp()),
        { x },
      ),
      { '': qconfig },
    );
    const errorOf = (y: Tensor): Tensor => F.sub(y, target);
    const lossOf = (y: Tensor): number => floatsOf(errorOf(y)).reduce((sum, e) => sum + e * e, 0) / 64;
    const losses: number[] = [];
    for (let i = 0; i < 100; i++) {
      const step = trainingStep(qat, { x });
      losses.push(lossOf(step.outputs.output as Tensor));
      const { parameters } = step.backward({ output: F.mul(errorOf(step.outputs.output as Tensor), 2 / 64) });
      expect(Object.keys(parameters).sort()).toEqual(['fc1.bias', 'fc1.weight', 'fc2.bias', 'fc2.weight']);
      for (const [name, gradient] of Object.entries(parameters))
        qat.set(name, F.sub(qat.get(name), F.mul(gradient, 0.1)));
    }
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 3);
    const int8 = convert(qat);
    expect(lossOf(int8.run({ x }).output as Tensor)).toBeLessThan((losses[0] as number) / 3);
  });

  it('refuses an update that does not fit', () => {
    const qat = prepareQat(small());
    expect(() => qat.set('0.weight', floats([2, 3]))).toThrow("'0.weight' is float32 [2, 2], got float32 [2, 3]");
    expect(() => qat.set('0.wight', floats([2, 2]))).toThrow("did you mean '0.weight'?");
  });
});
