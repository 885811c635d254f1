import { Generator, manualSeed, nn, referenceBackend, Tensor } from '@octavo/core';
import { quantizeDynamic, trace } from '@octavo/graph';
import { perRowDynamicQConfig } from '@octavo/observers';
import type { Bench } from '../bench.js';
import { contest } from '../measure/contest.js';
import { checkClose, checkSameBits, relativeError } from '../measure/verify.js';
import { compileGraph } from '../models/our-model.js';
import { type RecurrentKind, writeRecurrent } from '../onnx/recurrent.js';
import { feeds, openModel } from '../ort/session.js';
import type { Row, RowGroup } from '../row.js';

/** Float sums in another order and other polynomials, over the steps of a sequence. */
const FLOAT_ERROR = 1e-4;
/** 8-bit codes of x and of h at every step. */
const INT8_ERROR = 0.05;
const SEED = 20261121;

interface Spec {
  readonly kind: RecurrentKind;
  readonly size: number;
  readonly batch: number;
  readonly steps: number;
}

const SPECS: readonly Spec[] = [
  { kind: 'LSTM', size: 512, batch: 1, steps: 32 },
  { kind: 'LSTM', size: 512, batch: 8, steps: 32 },
  { kind: 'LSTM', size: 1024, batch: 1, steps: 32 },
  { kind: 'GRU', size: 512, batch: 1, steps: 32 },
];

const nameOf = ({ kind, size, batch, steps }: Spec): string => `${kind} ${size}, batch ${batch}, ${steps} steps`;

/** One layer in one direction, from states of zeros; ONNX Runtime's int8 form of an LSTM is DynamicQuantizeLSTM. */
export const RECURRENT_GROUPS: readonly RowGroup[] = SPECS.map((spec) => ({
  names: [nameOf(spec)],
  run: (bench) => measure(bench, spec),
}));

class Output extends nn.Module<(x: Tensor) => Tensor> {
  constructor(readonly rnn: nn.LSTM | nn.GRU) {
    super();
  }

  forward(x: Tensor): Tensor {
    return this.rnn.call(x)[0];
  }
}

async function* measure(bench: Bench, spec: Spec): AsyncGenerator<Row> {
  const { kind, size, batch, steps } = spec;
  manualSeed(SEED);
  const rnn = kind === 'LSTM' ? new nn.LSTM(size, size) : new nn.GRU(size, size);
  const generator = new Generator(SEED);
  const data = Float32Array.from({ length: steps * batch * size }, () => generator.normal());
  const x = new Tensor('float32', data, [steps, batch, size]);
  const float = trace(new Output(rnn), { x });
  const int8 = quantizeDynamic(float, { '': perRowDynamicQConfig });
  const backend = bench.backend(1);
  const ours = { float: compileGraph(float, backend), int8: compileGraph(int8, backend) };
  const theirs = {
    float: await openModel(writeRecurrent('float', kind, rnn)),
    int8: kind === 'LSTM' ? await openModel(writeRecurrent('int8', kind, rnn)) : null,
  };

  // The reference is slow: two steps show the bits, the whole sequence is compared with ONNX Runtime's.
  const two = new Tensor('float32', data.slice(0, 2 * batch * size), [2, batch, size]);
  for (const [form, graph] of Object.entries({ float, int8 })) {
    const model = ours[form as 'float' | 'int8'];
    checkSameBits(
      `our ${form} against the reference`,
      model.run([two]),
      compileGraph(graph, referenceBackend).run([two]),
    );
  }
  const inputs = feeds({ x });
  const floats = ours.float.run([x]);
  const theirFloats = await theirs.float.run(inputs);
  const theirInt8s = await theirs.int8?.run(inputs);
  checkClose("our float against ONNX Runtime's", floats.data, theirFloats, FLOAT_ERROR);
  const oursInt8Error = checkClose('our int8 against our float', ours.int8.run([x]).data, floats.data, INT8_ERROR);

  const times = await contest({
    oursMs: () => ours.int8.run([x]),
    ortInt8Ms: theirs.int8 && (() => theirs.int8?.run(inputs)),
    oursFloatMs: () => ours.float.run([x]),
    ortFloatMs: () => theirs.float.run(inputs),
  });
  const multiplyAdds = steps * batch * (kind === 'LSTM' ? 4 : 3) * size * 2 * size;
  yield {
    name: nameOf(spec),
    isa: bench.isa,
    threads: 1,
    ...times,
    peakShare: multiplyAdds / (times.oursMs as number) / 1e6 / bench.peaks.int8,
    oursInt8Error,
    ...(theirInt8s && { ortInt8Error: relativeError(theirInt8s, theirFloats) }),
  };
  for (const model of [ours.float, ours.int8, theirs.float, theirs.int8]) await model?.close();
}
