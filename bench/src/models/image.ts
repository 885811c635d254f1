import { Generator, type nn, Tensor } from '@octavo/core';
import * as eager from '@octavo/eager';
import { openImageModel } from '@octavo/glue-eval';
import { calibrate, type Graph, quantize, trace } from '@octavo/graph';
import { getDefaultQConfig } from '@octavo/observers';

/** [batch, channels, height, width] of a run. */
export const IMAGE_DIMS = [1, 3, 224, 224] as const;

const SEED = 20260801;
/** Random images that show the ranges of activations. */
const CALIBRATION_IMAGES = 2;

/** An image classifier with random weights, float and in static int8. */
export interface ImageModels {
  readonly float: Graph;
  /** Whole 8 bits of activations, as ONNX Runtime's quantizer has them. */
  readonly int8: Graph;
  /** As PyTorch's `x86` preset has them: 7 bits. */
  readonly sevenBits: Graph;
  /** `int8` in eager mode. */
  readonly eager: nn.Module;
}

/** The classifier of that name: `resnet18`, `mobilenet_v2`, ... */
export async function imageModels(name: string): Promise<ImageModels> {
  const model = (await openImageModel(name)).build();
  model.loadStateDict(evenWeights(model));
  const float = trace(model, { x: randomImage(0) });
  const images = Array.from({ length: CALIBRATION_IMAGES }, (_, i) => ({ x: randomImage(i) }));
  const graph = (engine: 'onednn' | 'x86') => quantize(float, { '': getDefaultQConfig(engine) }, calibrate, [images]);
  const int8 = await graph('onednn');
  const sevenBits = await graph('x86');
  const prepared = eager.prepare(eager.fuseModules(model, { inputs: [randomImage(0)] }), {
    qconfig: getDefaultQConfig('onednn'),
  });
  for (const { x } of images) prepared.call(x);
  return { float, int8, sevenBits, eager: eager.convert(prepared) };
}

/** Pixels as after preprocessing, normal with deviation 1. */
export function randomImage(index: number): Tensor<'float32'> {
  const generator = new Generator(SEED + 1 + index);
  const image = Tensor.zeros(IMAGE_DIMS);
  const { data } = image.raw;
  for (let i = 0; i < data.length; i++) data[i] = generator.normal();
  return image;
}

/**
 * Weights that keep the size of what passes through them, which the initial ones of training leave to batch norms:
 * normal with deviation sqrt(2 / fan in); norms that change nothing, biases of 0.
 */
function evenWeights(model: nn.Module): nn.StateDict {
  const generator = new Generator(SEED);
  const state: nn.StateDict = {};
  for (const [name, { raw }] of Object.entries(model.stateDict())) {
    const tensor = Tensor.zeros(raw.dims);
    const { data } = tensor.raw;
    const isWeight = raw.dims.length > 1;
    const deviation = Math.sqrt(2 / raw.dims.slice(1).reduce((product, dim) => product * dim, 1));
    const constant = /(weight|running_var)$/.test(name) ? 1 : 0;
    for (let i = 0; i < data.length; i++) data[i] = isWeight ? generator.normal() * deviation : constant;
    state[name] = tensor;
  }
  return state;
}
