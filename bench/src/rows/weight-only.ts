import { type QConfig, weightOnlyInt4QConfig, weightOnlyInt8QConfig } from '@octavo/observers';
import type { Bench } from '../bench.js';
import { contest } from '../measure/contest.js';
import { inTurn } from '../measure/in-turn.js';
import { checkClose, checkSameBits, relativeError } from '../measure/verify.js';
import { LinearChain, type Size } from '../models/linear-chain.js';
import { compileGraph, type OurModel } from '../models/our-model.js';
import { writeLinears } from '../onnx/linears.js';
import { writeWeightOnlyLinears } from '../onnx/weight-only.js';
import { feeds, type OrtModel, openModel } from '../ort/session.js';
import type { Row, RowGroup } from '../row.js';

const SIZES: readonly Size[] = [
  [768, 3072],
  [4096, 4096],
];
const ROWS = [1, 128];
/** Weights of all copies of one linear together, so that one row reads them from memory. */
const COLD_WEIGHTS = 64e6;

/** Codes of a linear in float arithmetic against its float weights. */
const FORMS: readonly { readonly bits: 8 | 4; readonly qconfig: QConfig; readonly error: number }[] = [
  { bits: 8, qconfig: weightOnlyInt8QConfig, error: 0.01 },
  { bits: 4, qconfig: weightOnlyInt4QConfig, error: 0.15 },
];

const rowName = (bits: number, [k, n]: Size, rows: number): string =>
  `weight-only int${bits} linear ${rows}x${k}x${n}${rows === 1 ? ' cold' : ''}`;

/**
 * Linears of 8-bit weights, and of 4-bit ones in groups of 32, where the int8 column of ONNX Runtime is its MatMulNBits
 * of the same codes. With 8 bits that takes 30 times its float product (786 ms at 1x4096x4096): it is not timed here.
 */
export const WEIGHT_ONLY_GROUPS: readonly RowGroup[] = SIZES.flatMap((size) =>
  FORMS.map((form) => ({
    names: ROWS.map((rows) => rowName(form.bits, size, rows)),
    run: (bench, wants) => measure(bench, size, form, wants),
  })),
);

async function* measure(
  bench: Bench,
  size: Size,
  { bits, qconfig, error }: (typeof FORMS)[number],
  wants: (name: string) => boolean,
): AsyncGenerator<Row> {
  const chain = new LinearChain([size]);
  const backend = bench.backend(1);
  const copies = Math.ceil(COLD_WEIGHTS / chain.multiplyAdds);
  const copied = <T>(make: () => T): T[] => Array.from({ length: copies }, make);
  const [float, codes] = [chain.float(), chain.weightOnly(qconfig)];
  const ours = { float: copied(() => compileGraph(float, backend)), codes: copied(() => compileGraph(codes, backend)) };
  const floatFile = writeLinears('float', chain.linears);
  const codesFile = bits === 4 ? writeWeightOnlyLinears(chain.linears, qconfig) : null;
  const theirs = {
    float: await Promise.all(copied(() => openModel(floatFile))),
    codes: codesFile === null ? [] : await Promise.all(copied(() => openModel(codesFile))),
  };
  for (const m of ROWS.filter((rows) => wants(rowName(bits, size, rows)))) {
    const x = chain.input(m);
    const inputs = feeds({ x });
    const floats = (ours.float[0] as OurModel).run([x]);
    const y = (ours.codes[0] as OurModel).run([x]);
    const theirFloats = await (theirs.float[0] as OrtModel).run(inputs);
    const theirCodes = await theirs.codes[0]?.run(inputs);
    const oursInt8Error = checkClose('our weight-only linear against our float', y.data, floats.data, error);
    const emulated = compileGraph(chain.weightOnly(qconfig, { debug: true }), backend);
    checkSameBits('the codes against the float weights that they stand for', y, emulated.run([x]));
    const times = await contest({
      oursMs: inTurn(ours.codes, (model) => model.run([x])),
      ortInt8Ms: theirs.codes.length === 0 ? null : inTurn(theirs.codes, (model) => model.run(inputs)),
      oursFloatMs: inTurn(ours.float, (model) => model.run([x])),
      ortFloatMs: inTurn(theirs.float, (model) => model.run(inputs)),
    });
    yield {
      name: rowName(bits, size, m),
      isa: bench.isa,
      threads: 1,
      ...times,
      peakShare: null,
      oursInt8Error,
      ...(theirCodes === undefined ? {} : { ortInt8Error: relativeError(theirCodes, theirFloats) }),
    };
  }
  for (const model of [...ours.float, ...ours.codes, ...theirs.float, ...theirs.codes]) await model.close();
}
