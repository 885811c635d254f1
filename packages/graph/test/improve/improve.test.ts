import { F, Module, nn, type Tensor } from '@octavo/core';
import {
  defaultPerChannelQConfig,
  defaultQConfig,
  defineQConfig,
  perRowDynamicQConfig,
  staticTransformerQConfig,
} from '@octavo/observers';
import { describe, expect, it } from 'vitest';
import {
  calibrate,
  convert,
  correctBias,
  coverage,
  equalizeLayers,
  type Graph,
  prepare,
  prepareDynamic,
  quantize,
  quantizeAttention,
  quantizeDynamic,
  smoothQuant,
  trace,
} from '../../src/index.js';
import { floats, seeded, sentences, TinyClassifier } from '../models.js';

const result = (graph: Graph, feeds: Record<string, Tensor>) =>
  (Object.values(graph.run(feeds))[0] as Tensor<'float32'>).data;
const meanSquare = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a, (x, i) => (x - (b[i] as number)) ** 2).reduce((sum, x) => sum + x, 0) / a.length;
/** Float functions that are equal but for rounding: 1e-5 of the largest value. */
const expectSame = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  const largest = Math.max(...Array.from(a, Math.abs));
  Array.from(a).forEach((x, i) => {
    expect(Math.abs(x - (b[i] as number))).toBeLessThanOrEqual(1e-5 * largest);
  });
};

/** Layer norm with two channels that are far larger than the rest, as transformers have. */
class Outliers extends Module<(x: Tensor) => Tensor> {
  norm = new nn.LayerNorm(16);
  up = new nn.Linear(16, 32);
  down = new nn.Linear(32, 16);

  constructor() {
    super();
    const weight = this.norm.weight as Tensor<'float32'>;
    weight.data[3] = 40;
    weight.data[9] = -60;
  }

  forward(x: Tensor): Tensor {
    return this.down.call(F.gelu(this.up.call(this.norm.call(x))));
  }
}

const outliers = trace(
  seeded(() => new Outliers()),
  { x: floats([2, 16]) },
);
const rows = [0, 1, 2].map((i) => ({ x: floats([24, 16], i + 1) }));
const unseen = { x: floats([40, 16], 77) };

describe('smoothQuant', () => {
  it('keeps the float function and folds into the layer norm that linears alone read', async () => {
    const smoothed = await smoothQuant(outliers, rows);
    expectSame(result(outliers, unseen), result(smoothed, unseen));
    expect(smoothed.get('norm.weight').data).not.toEqual(outliers.get('norm.weight').data);
    expect(smoothed.print().match(/aten::mul/g)?.length ?? 0).toBeLessThanOrEqual(1); // behind gelu at most
  });

  it('multiplies in front of linears whose input is read elsewhere too', async () => {
    const residual = trace((x: Tensor) => F.add(x, F.linear(x, floats([16, 16]))), { x: floats([2, 16]) });
    const smoothed = await smoothQuant(residual, [{ x: F.mul(floats([8, 16]), floats([16], 5)) }], { alpha: 0.5 });
    expect(smoothed.print()).toContain('aten::mul');
    expectSame(result(residual, unseen), result(smoothed, unseen));
  });

  it('takes attention for what it is: a factor of its result goes into the values', async () => {
    const feeds = sentences([3, 5]);
    const float = trace(
      seeded(() => new TinyClassifier()),
      feeds,
    );
    const smoothed = await smoothQuant(float, [feeds], { alpha: 0.5 });
    expectSame(result(float, feeds), result(smoothed, feeds));
  });

  it('lowers the error of static int8 linears', async () => {
    const int8 = (graph: Graph) => quantize(graph, { '': staticTransformerQConfig }, calibrate, [rows]);
    const [plain, smooth] = [await int8(outliers), await int8(await smoothQuant(outliers, rows))];
    const float = result(outliers, unseen);
    expect(meanSquare(result(smooth, unseen), float)).toBeLessThan(0.8 * meanSquare(result(plain, unseen), float));
  });
});

describe('smoothQuant for linears with a range for each row', () => {
  it('moves nothing where that would cost more than it saves', async () => {
    // One value of one row: with a range for the tensor all rows suffer, with one for each row no other does.
    const x = floats([64, 16], 3);
    x.data[3] = 2000;
    const linear = trace(
      seeded(() => new nn.Linear(16, 8)),
      { x },
    );
    const float = result(linear, unseen);
    const error = (graph: Graph) =>
      meanSquare(result(quantizeDynamic(graph, { '': perRowDynamicQConfig }), unseen), float);
    const [tensor, row] = [await smoothQuant(linear, [{ x }]), await smoothQuant(linear, [{ x }], { ranges: 'row' })];
    expect(error(row)).toBeLessThan(0.8 * error(tensor));
    await expect(smoothQuant(outliers, rows, { ranges: 'rows' as 'row' })).rejects.toThrow("must be 'tensor' or 'row'");
  });
});

/** Convolutions whose channels differ by factors of a hundred: one depthwise, between relus. */
class Unequal extends Module<(x: Tensor) => Tensor> {
  a = new nn.Conv2d(3, 8, 3, { padding: 1 });
  b = new nn.Conv2d(8, 8, 3, { padding: 1, groups: 8 });
  c = new nn.Conv2d(8, 4, 1);
  last: (x: Tensor) => Tensor;

  constructor(last: (x: Tensor) => Tensor) {
    super();
    this.last = last;
    const { data } = this.a.weight as Tensor<'float32'>;
    data.forEach((w, i) => {
      data[i] = w * 10 ** (Math.floor(i / 27) % 3);
    });
  }

  forward(x: Tensor): Tensor {
    return this.c.call(this.last(this.b.call(F.relu(this.a.call(x)))));
  }
}

describe('equalizeLayers', () => {
  const image = { x: floats([2, 3, 6, 6], 3) };
  const unequal = trace(
    seeded(() => new Unequal(F.relu)),
    image,
  );

  it('keeps the float function, and gives channels of both layers one range', () => {
    const equal = equalizeLayers(unequal);
    expectSame(result(unequal, image), result(equal, image));
    const ranges = (name: string) => {
      const { data, dims } = equal.get(name).raw;
      const run = data.length / (dims[0] as number);
      return Array.from({ length: dims[0] as number }, (_, c) =>
        Math.max(...Array.from(data.slice(c * run, (c + 1) * run) as Float32Array, Math.abs)),
      );
    };
    ranges('a.weight').forEach((range, c) => {
      expect(range).toBeCloseTo(ranges('b.weight')[c] as number, 3);
    });
  });

  it('lowers the error of per-tensor weights', async () => {
    const float = result(unequal, image);
    const error = async (graph: Graph) =>
      meanSquare(result(await quantize(graph, { '': defaultQConfig }, calibrate, [[image]]), image), float);
    expect(await error(equalizeLayers(unequal))).toBeLessThan(0.6 * (await error(unequal)));
  });

  it('leaves relu6 alone, or replaces it where told', () => {
    const six = trace(
      seeded(() => new Unequal(F.relu6)),
      image,
    );
    expect(equalizeLayers(six).print()).toContain('aten::clamp');
    expect(equalizeLayers(six).get('c.weight').data).toEqual(six.get('c.weight').data);
    const replaced = equalizeLayers(six, { replaceRelu6: true });
    expect(replaced.print()).not.toContain('aten::clamp');
    expect(replaced.get('c.weight').data).not.toEqual(six.get('c.weight').data);
  });
});

describe('correctBias', () => {
  /** The mean over rows of int8 less float, channel by channel, as one number. */
  const drift = (graph: Graph, feeds: Record<string, Tensor>) => {
    const [a, b] = [result(graph, feeds), result(linear, feeds)];
    const sums = new Float64Array(8);
    a.forEach((x, i) => {
      sums[i % 8] = (sums[i % 8] as number) + (x - (b[i] as number));
    });
    return sums.reduce((sum, x) => sum + Math.abs(x), 0);
  };
  const linear = trace(
    seeded(() => new nn.Linear(16, 8)),
    { x: floats([2, 16]) },
  );
  // Inputs with a mean: rounding of weights then shifts every output.
  const shifted = (seed: number) => ({ x: F.add(floats([40, 16], seed), 3) });

  it('lowers the mean error of each channel', async () => {
    // Float results: codes of 7 bits would hide what is left.
    const prepared = prepare(linear, { '': defineQConfig({ ...defaultQConfig, floatResults: true }) });
    await calibrate(prepared, [shifted(1), shifted(2)]);
    const corrected = await correctBias(prepared, [shifted(1), shifted(2)], { threshold: Number.POSITIVE_INFINITY });
    expect(drift(convert(corrected), shifted(9))).toBeLessThan(0.5 * drift(convert(prepared), shifted(9)));
    expect(prepared.get('bias').data).toEqual(linear.get('bias').data);
  });

  it('keeps a bias whose correction passes the threshold, and takes dynamic graphs', async () => {
    const prepared = prepareDynamic(linear, { '': perRowDynamicQConfig });
    const kept = await correctBias(prepared, [unseen], { threshold: 0 });
    expect(kept.get('bias').data).toEqual(linear.get('bias').data);
    const all = await correctBias(prepared, [unseen], { threshold: Number.POSITIVE_INFINITY });
    expect(all.get('bias').data).not.toEqual(linear.get('bias').data);
    expect(drift(convert(all), unseen)).toBeLessThan(drift(convert(prepared), unseen));
  });
});

describe('quantizeAttention', () => {
  it('takes the place of float attention in any stage and says so', async () => {
    const feeds = sentences([3, 5]);
    const float = trace(
      seeded(() => new TinyClassifier()),
      feeds,
    );
    const int8 = quantizeAttention(quantizeDynamic(float, { '': perRowDynamicQConfig }));
    expect(int8.print()).toContain('octavo::multi_head_attention_int8');
    expect(int8.print()).not.toContain('octavo::multi_head_attention[');
    const row = coverage(int8).rows.find(({ op }) => op === 'octavo::multi_head_attention_int8');
    expect(row).toMatchObject({ precision: 'int8', multiplyAdds: 80 });
    const [a, b] = [result(float, feeds), result(int8, feeds)];
    a.forEach((x, i) => {
      expect(Math.abs(x - (b[i] as number))).toBeLessThan(0.05);
    });
  });
});

describe('a qconfig of float results', () => {
  it('quantizes what enters linears, and nothing else', async () => {
    const int8 = await quantize(outliers, { '': staticTransformerQConfig }, calibrate, [rows]);
    const ops = [...int8.print().matchAll(/= ([a-z]+::\w+)/g)].map(([, op]) => op as string);
    expect(ops.filter((op) => !op.startsWith('prim::'))).toEqual([
      'aten::layer_norm',
      'aten::quantize_per_tensor',
      'octavo::linear_quantized',
      'aten::gelu',
      'aten::quantize_per_tensor',
      'octavo::linear_quantized',
    ]);
    expect(coverage(int8).int8Share).toBe(1);
  });

  it('gelu between linears of int8 results is a table of codes', async () => {
    const int8 = await quantize(outliers, { '': defaultPerChannelQConfig }, calibrate, [rows]);
    expect(int8.print()).toContain('quantized::gelu');
    expect(int8.print()).not.toContain('aten::gelu');
  });
});
