import { inferShapes, type Program, type Tensor, tidy, withBackend } from '@octavo/core';
import { lower } from '@octavo/graph';
import type { Bench } from '../bench.js';
import { contest } from '../measure/contest.js';
import { checkClose, checkSameBits, relativeError } from '../measure/verify.js';
import { IMAGE_DIMS, imageModels, randomImage } from '../models/image.js';
import { writeProgram } from '../onnx/program.js';
import { feeds, openModel } from '../ort/session.js';
import type { Row, RowGroup } from '../row.js';

// Image classifiers with random weights, one image: static int8 graphs and float ones.

/** Logits of two float implementations, tens of layers deep. */
const FLOAT_ERROR = 1e-3;
/** Logits of int8 against float: random weights, no training. */
const INT8_ERROR = 0.5;

/** Row names, and the models' own. */
const MODELS: Readonly<Record<string, string>> = {
  'ResNet-18': 'resnet18',
  'ResNet-50': 'resnet50',
  MobileNetV2: 'mobilenet_v2',
  'EfficientNet-Lite0': 'efficientnet_lite0',
};

/** What one contest gives: the graph, the same in eager mode, and with activations of 7 bits. */
function rowNames(model: string): Record<'graph' | 'eager' | 'sevenBits', string> {
  const graph = `${model} ${IMAGE_DIMS.join('x')}`;
  return { graph, eager: `${graph} eager`, sevenBits: `${graph} 7 bits` };
}

export const IMAGE_NETS: readonly RowGroup[] = Object.keys(MODELS).map((model) => ({
  names: Object.values(rowNames(model)),
  async *run(bench, wants) {
    for (const row of await measure(bench, model)) if (wants(row.name)) yield row;
  },
}));

async function measure(bench: Bench, model: string): Promise<Row[]> {
  const models = await imageModels(MODELS[model] as string);
  const programs = { float: lower(models.float).program, int8: lower(models.int8).program };
  const backend = bench.backend(1);
  const ours = {
    float: backend.compile(programs.float),
    int8: backend.compile(programs.int8),
    sevenBits: backend.compile(lower(models.sevenBits).program),
  };
  const eagerMode = (input: Tensor): Tensor =>
    withBackend(backend, () => tidy(() => models.eager.call(input) as Tensor));
  const x = randomImage(0);
  const floats = (ours.float.run([x]) as [Tensor<'float32'>])[0].data;
  const int8Logits = (ours.int8.run([x]) as [Tensor<'float32'>])[0];
  const int8s = int8Logits.data;
  checkSameBits('int8 as a graph against eager mode', int8Logits, eagerMode(x));
  const file = (program: Program): Uint8Array => writeProgram(program, IMAGE_DIMS, floats.length);
  const theirs = { float: await openModel(file(programs.float)), int8: await openModel(file(programs.int8)) };
  const fed = feeds({ x });
  const theirFloats = await theirs.float.run(fed);
  checkClose("our float against ONNX Runtime's", floats, theirFloats, FLOAT_ERROR);
  const errors = {
    oursInt8Error: checkClose('our int8 against our float', int8s, floats, INT8_ERROR),
    ortInt8Error: relativeError(await theirs.int8.run(fed), theirFloats),
  };
  const times = await contest({
    oursMs: () => ours.int8.run([x]),
    ortInt8Ms: () => theirs.int8.run(fed),
    oursFloatMs: () => ours.float.run([x]),
    ortFloatMs: () => theirs.float.run(fed),
    eager: () => eagerMode(x),
    sevenBits: () => ours.sevenBits.run([x]),
  });
  for (const executable of Object.values(ours)) executable.dispose();
  for (const session of Object.values(theirs)) await session.close();
  const names = rowNames(model);
  const work = multiplyAdds(programs.float);
  const row = (name: string, ms: number, extra: Partial<Row>): Row => ({
    name,
    isa: bench.isa,
    threads: 1,
    oursMs: ms,
    ortInt8Ms: times.ortInt8Ms,
    ortFloatMs: times.ortFloatMs,
    peakShare: work / ms / 1e6 / bench.peaks.int8,
    oursFloatMs: times.oursFloatMs,
    ...extra,
  });
  return [
    row(names.graph, times.oursMs as number, errors),
    row(names.sevenBits, times.sevenBits as number, {}),
    row(names.eager, times.eager as number, { graphMs: times.oursMs as number }),
  ];
}

const PRODUCTS: ReadonlySet<string> = new Set(['aten::conv', 'octavo::conv_affine', 'aten::linear']);

/** Of the convolutions and linears of a float program. */
function multiplyAdds(program: Program): number {
  const metas = inferShapes(program, [IMAGE_DIMS]);
  let sum = 0;
  for (const { op, inputs, outputs } of program.instructions) {
    if (!PRODUCTS.has(op)) continue;
    const [y, weight] = [metas[outputs[0] as number], metas[inputs[1] as number]];
    if (y === undefined || weight === undefined || !('dims' in y && 'dims' in weight)) continue;
    const perOutput = weight.dims.slice(1).reduce((product, dim) => product * dim, 1);
    sum += y.dims.reduce((product, dim) => product * dim, 1) * perOutput;
  }
  return sum;
}
