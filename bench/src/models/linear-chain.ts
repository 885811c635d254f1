import { Generator, nn, Tensor } from '@octavo/core';
import { type ConvertOptions, type Graph, quantizeDynamic, trace } from '@octavo/graph';
import { perRowDynamicQConfig, type QConfig } from '@octavo/observers';
import type { LinearWeights } from '../onnx/layers.js';

/** [in, out] of one linear. */
export type Size = readonly [inFeatures: number, outFeatures: number];

const SEED = 20260801;

/** Linears one after another, with weights that keep the size of what passes through them. */
export class LinearChain {
  readonly linears: readonly LinearWeights[];
  /** Multiply-adds of one row. */
  readonly multiplyAdds: number;

  constructor(sizes: readonly Size[]) {
    const generator = new Generator(SEED);
    this.linears = sizes.map(([inFeatures, outFeatures], i) => ({
      name: `layer${i}`,
      weight: uniform(generator, [outFeatures, inFeatures], Math.sqrt(3 / inFeatures)),
      bias: uniform(generator, [outFeatures], 0.1),
    }));
    this.multiplyAdds = sizes.reduce((sum, [inFeatures, outFeatures]) => sum + inFeatures * outFeatures, 0);
  }

  /** `rows` rows of input. */
  input(rows: number): Tensor<'float32'> {
    const inFeatures = this.linears[0]?.weight.raw.dims[1] as number;
    return uniform(new Generator(SEED + 1), [rows, inFeatures], Math.sqrt(3));
  }

  /** As a float graph. */
  float(): Graph {
    const layers = this.linears.map(({ weight, bias }) => {
      const [outFeatures, inFeatures] = weight.raw.dims as [number, number];
      const layer = nn.skipInit(() => new nn.Linear(inFeatures, outFeatures));
      layer.weight = weight;
      layer.bias = bias;
      return layer;
    });
    return trace(new nn.Sequential(...layers), [this.input(1)]);
  }

  /** As a graph of weights in 8 or 4 bits, with float arithmetic; `debug`: over the float weights they stand for. */
  weightOnly(qconfig: QConfig, options?: ConvertOptions): Graph {
    return quantizeDynamic(this.float(), { '': qconfig }, options);
  }

  /** As a graph in our default scheme: 8-bit activations, one range a row, one weight scale a channel. */
  int8(): Graph {
    return quantizeDynamic(this.float(), { '': perRowDynamicQConfig });
  }
}

function uniform(generator: Generator, dims: readonly number[], bound: number): Tensor<'float32'> {
  const tensor = Tensor.zeros(dims);
  const { data } = tensor.raw;
  for (let i = 0; i < data.length; i++) data[i] = generator.uniform(-bound, bound);
  return tensor;
}
