import { inferShapes, type Program, type Tensor } from '@octavo/core';
import { lower } from '@octavo/graph';
import type { Bench } from '../bench.js';
import { contest } from '../measure/contest.js';
import { checkClose, relativeError } from '../measure/verify.js';
import { IMAGE_DIMS, imageGraphs, randomImage } from '../models/image.js';
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

const rowName = (model: string): string => `${model} ${IMAGE_DIMS.join('x')}`;

export const IMAGE_NETS: readonly RowGroup[] = Object.keys(MODELS).map((model) => ({
  names: [rowName(model)],
  async *run(bench) {
    yield await measure(bench, model);
  },
}));

async function measure(bench: Bench, model: string): Promise<Row> {
  const graphs = await imageGraphs(MODELS[model] as string);
  const programs = { float: lower(graphs.float).program, int8: lower(graphs.int8).program };
  const backend = bench.backend(1);
  const ours = { float: backend.compile(programs.float), int8: backend.compile(programs.int8) };
  const x = randomImage(0);
  const floats = (ours.float.run([x]) as [Tensor<'float32'>])[0].data;
  const int8s = (ours.int8.run([x]) as [Tensor<'float32'>])[0].data;
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
  });
  for (const executable of [ours.float, ours.int8]) executable.dispose();
  for (const session of [theirs.float, theirs.int8]) await session.close();
  return {
    name: rowName(model),
    isa: bench.isa,
    threads: 1,
    ...times,
    peakShare: multiplyAdds(programs.float) / (times.oursMs as number) / 1e6 / bench.peaks.int8,
    ...errors,
  };
}

/** Of the convolutions and linears of a float program. */
function multiplyAdds(program: Program): number {
  const metas = inferShapes(program, [IMAGE_DIMS]);
  let sum = 0;
  for (const { op, inputs, outputs } of program.instructions) {
    if (op !== 'aten::conv' && op !== 'aten::linear') continue;
    const [y, weight] = [metas[outputs[0] as number], metas[inputs[1] as number]];
    if (y === undefined || weight === undefined || !('dims' in y && 'dims' in weight)) continue;
    const perOutput = weight.dims.slice(1).reduce((product, dim) => product * dim, 1);
    sum += y.dims.reduce((product, dim) => product * dim, 1) * perOutput;
  }
  return sum;
}
