import { referenceBackend, Tensor } from '@octavo/core';
import type { Graph } from '@octavo/graph';
import type { Bench } from '../bench.js';
import { contest } from '../measure/contest.js';
import { inTurn } from '../measure/in-turn.js';
import { checkClose, checkSameBits, relativeError } from '../measure/verify.js';
import { LinearChain, type Size } from '../models/linear-chain.js';
import { compileGraph, type OurModel } from '../models/our-model.js';
import { writeLinears } from '../onnx/linears.js';
import { feeds, type OrtModel, openModel } from '../ort/session.js';
import type { Row, RowGroup } from '../row.js';

/** Two float32 dot products of a few thousand terms, summed in other orders; more for each linear that follows. */
const FLOAT_ERROR = 1e-5;
/** 8-bit codes of 100 to 3,000 random terms; ONNX Runtime's AVX2 kernels saturate besides, so theirs is only shown. */
const INT8_ERROR = 0.03;

const SIZES: readonly Size[] = [
  [768, 768],
  [768, 3072],
  [3072, 768],
];
/** Query, key, value, attention output, and the two of the feed-forward. */
const BERT_LAYER: readonly Size[] = [
  [768, 768],
  [768, 768],
  [768, 768],
  [768, 768],
  [768, 3072],
  [3072, 768],
];
const BERT_LAYERS = 12;
/** Weights of all copies of a cold row together: as many as BERT-base's linears. */
const COLD_WEIGHTS = 85e6;

/** A chain of linears, from one copy of its weights or, cold, from many in turn. */
interface Spec {
  readonly name: (rows: number) => string;
  /** Rows of input, M. */
  readonly rows: readonly number[];
  readonly sizes: readonly Size[];
  readonly copies: number;
}

const SPECS: readonly Spec[] = [
  ...SIZES.map(
    ([k, n]): Spec => ({
      name: (rows) => `dynamic linear ${rows}x${k}x${n}`,
      rows: [128, 1],
      sizes: [[k, n]],
      copies: 1,
    }),
  ),
  ...SIZES.map(
    ([k, n]): Spec => ({
      name: (rows) => `dynamic linear ${rows}x${k}x${n} cold`,
      rows: [1],
      sizes: [[k, n]],
      copies: Math.ceil(COLD_WEIGHTS / (k * n)),
    }),
  ),
  {
    name: (rows) => `72 linears of BERT-base, M=${rows}, cold`,
    rows: [128, 1],
    sizes: Array.from({ length: BERT_LAYERS }, () => BERT_LAYER).flat(),
    copies: 1,
  },
];

export const LINEAR_GROUPS: readonly RowGroup[] = SPECS.map((spec) => ({
  names: spec.rows.map(spec.name),
  run: (bench, wants) => measureLinears(bench, spec, wants),
}));

async function* measureLinears(
  bench: Bench,
  { name, rows, sizes, copies }: Spec,
  wants: (name: string) => boolean,
): AsyncGenerator<Row> {
  const chain = new LinearChain(sizes);
  const backend = bench.backend(1);
  const copied = <T>(make: () => T): T[] => Array.from({ length: copies }, make);
  const graphs = { float: chain.float(), int8: chain.int8() };
  const ours = {
    float: copied(() => compileGraph(graphs.float, backend)),
    // A graph anew for each copy: what is compiled twice from one graph shares its packed weights.
    int8: [graphs.int8, ...Array.from({ length: copies - 1 }, () => chain.int8())].map((graph) =>
      compileGraph(graph, backend),
    ),
  };
  const files = { float: writeLinears('float', chain.linears), int8: writeLinears('int8', chain.linears) };
  const theirs = {
    float: await Promise.all(copied(() => openModel(files.float))),
    int8: await Promise.all(copied(() => openModel(files.int8))),
  };
  for (const m of rows.filter((count) => wants(name(count)))) {
    const x = chain.input(m);
    const inputs = feeds({ x });
    const floats = checkRows('our float', graphs.float, ours.float[0] as OurModel, x);
    const int8s = checkRows('our int8', graphs.int8, ours.int8[0] as OurModel, x);
    const theirFloats = await (theirs.float[0] as OrtModel).run(inputs);
    const theirInt8s = await (theirs.int8[0] as OrtModel).run(inputs);
    checkClose("our float against ONNX Runtime's", floats.data, theirFloats, FLOAT_ERROR * sizes.length);
    const limit = INT8_ERROR * Math.sqrt(sizes.length);
    const oursInt8Error = checkClose('our int8 against our float', int8s.data, floats.data, limit);

    const times = await contest({
      oursMs: inTurn(ours.int8, (model) => model.run([x])),
      ortInt8Ms: inTurn(theirs.int8, (model) => model.run(inputs)),
      oursFloatMs: inTurn(ours.float, (model) => model.run([x])),
      ortFloatMs: inTurn(theirs.float, (model) => model.run(inputs)),
    });
    yield {
      name: name(m),
      isa: bench.isa,
      threads: 1,
      ...times,
      peakShare: (m * chain.multiplyAdds) / (times.oursMs as number) / 1e6 / bench.peaks.int8,
      oursInt8Error,
      ortInt8Error: relativeError(theirInt8s, theirFloats),
    };
  }
  for (const model of [...ours.float, ...ours.int8, ...theirs.float, ...theirs.int8]) await model.close();
}

/**
 * Runs the model; its last row must have the bits of the reference, which runs that row alone: a row's result does not
 * depend on the others, in float or in int8 with one range a row.
 */
function checkRows(what: string, graph: Graph, model: OurModel, x: Tensor<'float32'>): Tensor<'float32'> {
  const y = model.run([x]);
  const reference = compileGraph(graph, referenceBackend);
  checkSameBits(`${what} against the reference`, lastRow(y), reference.run([lastRow(x)]));
  return y;
}

function lastRow(x: Tensor<'float32'>): Tensor<'float32'> {
  const width = x.raw.dims.at(-1) as number;
  return new Tensor('float32', x.raw.data.slice(-width), [1, width]);
}
