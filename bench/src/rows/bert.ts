import { type Tensor, withBackend } from '@octavo/core';
import * as eager from '@octavo/eager';
import { type Graph, quantizeDynamic } from '@octavo/graph';
import { perChannelDynamicQConfig, perRowDynamicQConfig, type QConfig } from '@octavo/observers';
import type { Bench } from '../bench.js';
import { contest } from '../measure/contest.js';
import { checkClose, checkSameBits, relativeError } from '../measure/verify.js';
import { type Bert, bertBase, bertInputs, mrpcSmall, multiplyAdds, type Shape, traceBert } from '../models/bert.js';
import { compileGraph } from '../models/our-model.js';
import { writeBert } from '../onnx/bert.js';
import { type Feeds, feeds, type OrtModel, openModel } from '../ort/session.js';
import type { Row, RowGroup } from '../row.js';

/** Logits of two float implementations. */
const FLOAT_ERROR = 1e-4;
/** Logits of our int8 against our float. */
const INT8_ERROR = 0.1;

interface Spec {
  readonly name: string;
  readonly open: () => Promise<Bert>;
  readonly shapes: readonly Shape[];
  /** Numbers of threads beside one. */
  readonly threads: readonly number[];
  /** Whether PyTorch's scheme, 7 bits and one range a tensor, has rows of its own. */
  readonly perChannel: boolean;
}

const SPECS: readonly Spec[] = [
  {
    name: 'mrpc-small',
    open: mrpcSmall,
    shapes: [
      [8, 128],
      [1, 128],
    ],
    threads: [],
    perChannel: true,
  },
  {
    name: 'BERT-base',
    open: bertBase,
    shapes: [
      [8, 128],
      [1, 128],
      [1, 16],
    ],
    threads: [2],
    perChannel: false,
  },
];

export const BERT_GROUPS: readonly RowGroup[] = SPECS.map((spec) => ({
  names: [
    ...spec.shapes.flatMap((shape) => Object.values(rowNames(spec, shape))),
    ...spec.threads.flatMap((threads) => spec.shapes.map((shape) => threadsName(spec, shape, threads))),
  ],
  run: (bench, wants) => measureBert(bench, spec, wants),
}));

/** The rows that one contest on one thread gives. */
interface RowNames {
  readonly graph: string;
  readonly perChannel?: string;
  readonly eager?: string;
}

function rowNames({ name, perChannel }: Spec, [batch, length]: Shape): RowNames {
  const graph = `${name} ${batch}x${length}`;
  return {
    graph,
    ...(perChannel ? { perChannel: `${graph} perChannel` } : {}),
    ...(batch > 1 ? { eager: `${graph} eager` } : {}),
  };
}

function threadsName({ name }: Spec, [batch, length]: Shape, threads: number): string {
  return `${name} ${batch}x${length}, ${threads} threads`;
}

/** What all rows of a model share. */
interface Opened {
  readonly bert: Bert;
  readonly float: Graph;
  readonly int8: Graph;
  /** ONNX files. */
  readonly files: { readonly float: Uint8Array; readonly int8: Uint8Array };
}

async function* measureBert(bench: Bench, spec: Spec, wants: (name: string) => boolean): AsyncGenerator<Row> {
  const bert = await spec.open();
  const float = traceBert(bert);
  const state = bert.model.stateDict();
  const opened: Opened = {
    bert,
    float,
    int8: quantizeDynamic(float, { '': perRowDynamicQConfig }),
    files: { float: writeBert('float', state, bert.config), int8: writeBert('int8', state, bert.config) },
  };
  const shapes = spec.shapes.filter((shape) => Object.values(rowNames(spec, shape)).some(wants));
  if (shapes.length > 0) for await (const row of oneThread(bench, spec, opened, shapes)) if (wants(row.name)) yield row;
  for (const threads of spec.threads) {
    const wanted = spec.shapes.filter((shape) => wants(threadsName(spec, shape, threads)));
    if (wanted.length > 0) yield* moreThreads(bench, spec, opened, wanted, threads);
  }
}

async function* oneThread(bench: Bench, spec: Spec, opened: Opened, shapes: readonly Shape[]): AsyncGenerator<Row> {
  const { bert, float, int8 } = opened;
  const backend = bench.backend(1);
  const ours = { float: compileGraph(float, backend), int8: compileGraph(int8, backend) };
  const theirs = await openFiles(opened, 1);
  const eagerMode = (qconfig: QConfig): ((inputs: Tensor[]) => Tensor) => {
    const model = eager.quantizeDynamic(bert.model, { '': qconfig });
    return (inputs) => withBackend(backend, () => model.call(...inputs) as Tensor);
  };
  const eagerPerRow = eagerMode(perRowDynamicQConfig);
  const perChannel = spec.perChannel
    ? {
        graph: compileGraph(quantizeDynamic(float, { '': perChannelDynamicQConfig }), backend),
        eager: eagerMode(perChannelDynamicQConfig),
      }
    : null;
  for (const shape of shapes) {
    const names = rowNames(spec, shape);
    const { inputs, fed } = inputsOf(bert, shape);
    const [floats, int8s] = [ours.float.run(inputs), ours.int8.run(inputs)];
    const [theirFloats, theirInt8s] = [await theirs.float.run(fed), await theirs.int8.run(fed)];
    checkClose("our float against ONNX Runtime's", floats.data, theirFloats, FLOAT_ERROR);
    const errors = {
      oursInt8Error: checkClose('our int8 against our float', int8s.data, floats.data, INT8_ERROR),
      ortInt8Error: relativeError(theirInt8s, theirFloats),
    };
    if (names.eager) checkSameBits('int8 as a graph against eager mode', int8s, eagerPerRow(inputs));
    if (perChannel !== null) {
      checkSameBits('perChannel as a graph against eager mode', perChannel.graph.run(inputs), perChannel.eager(inputs));
    }

    const times = await contest({
      oursMs: () => ours.int8.run(inputs),
      ortInt8Ms: () => theirs.int8.run(fed),
      oursFloatMs: () => ours.float.run(inputs),
      ortFloatMs: () => theirs.float.run(fed),
      perChannel: perChannel === null ? null : () => perChannel.graph.run(inputs),
      eager: names.eager ? () => eagerPerRow(inputs) : null,
    });
    const row = (name: string, ms: number | null, extra: Partial<Row>): Row => ({
      name,
      isa: bench.isa,
      threads: 1,
      oursMs: ms,
      ortInt8Ms: times.ortInt8Ms,
      ortFloatMs: times.ortFloatMs,
      peakShare: peakShare(bench, bert, shape, ms, 1),
      oursFloatMs: times.oursFloatMs,
      ...extra,
    });
    yield row(names.graph, times.oursMs, errors);
    if (names.perChannel) yield row(names.perChannel, times.perChannel, {});
    if (names.eager) yield row(names.eager, times.eager, { graphMs: times.oursMs as number });
  }
  for (const model of [ours.float, ours.int8, perChannel?.graph, theirs.float, theirs.int8]) await model?.close();
}

async function* moreThreads(
  bench: Bench,
  spec: Spec,
  opened: Opened,
  shapes: readonly Shape[],
  threads: number,
): AsyncGenerator<Row> {
  const { bert, float, int8 } = opened;
  const backend = bench.backend(threads);
  const ours = { float: compileGraph(float, backend), int8: compileGraph(int8, backend) };
  const one = compileGraph(int8, bench.backend(1));
  const theirs = await openFiles(opened, threads);
  for (const shape of shapes) {
    const { inputs, fed } = inputsOf(bert, shape);
    checkSameBits(`int8 on ${threads} threads against one`, ours.int8.run(inputs), one.run(inputs));
    const { oneThreadMs, ...times } = await contest(
      {
        oursMs: () => ours.int8.run(inputs),
        oneThreadMs: () => one.run(inputs),
        ortInt8Ms: () => theirs.int8.run(fed),
        oursFloatMs: () => ours.float.run(inputs),
        ortFloatMs: () => theirs.float.run(fed),
      },
      { pause: true },
    );
    yield {
      name: threadsName(spec, shape, threads),
      isa: bench.isa,
      threads,
      ...times,
      peakShare: peakShare(bench, bert, shape, times.oursMs, threads),
      oneThreadMs: oneThreadMs as number,
    };
  }
  for (const model of [one, ours.float, ours.int8, theirs.float, theirs.int8]) await model.close();
}

async function openFiles({ files }: Opened, threads: number): Promise<{ float: OrtModel; int8: OrtModel }> {
  return { float: await openModel(files.float, threads), int8: await openModel(files.int8, threads) };
}

function inputsOf({ config }: Bert, shape: Shape): { inputs: Tensor[]; fed: Feeds } {
  const tensors = bertInputs(config, shape);
  return { inputs: Object.values(tensors), fed: feeds(tensors) };
}

function peakShare({ peaks }: Bench, { config }: Bert, shape: Shape, ms: number | null, threads: number): number {
  return multiplyAdds(config, shape) / (ms as number) / 1e6 / (peaks.int8 * threads);
}
