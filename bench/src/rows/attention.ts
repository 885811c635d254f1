import { Generator, type Program, Tensor } from '@octavo/core';
import { contest } from '../measure/contest.js';
import { checkClose } from '../measure/verify.js';
import type { RowGroup } from '../row.js';

/** [batch, tokens, heads, width of a head]: mrpc-small's layer, BERT-base's, and long texts. */
const SHAPES = [
  [8, 128, 12, 64],
  [1, 128, 12, 64],
  [1, 512, 12, 64],
] as const;
const SEED = 20260803;
/** 8-bit queries, keys, probabilities and values. */
const INT8_ERROR = 0.03;

const rowName = ([batch, tokens, heads, d]: (typeof SHAPES)[number]): string =>
  `attention ${batch}x${tokens}, ${heads} heads of ${d}`;

/** Attention alone with both products in int8, against the float op. ONNX Runtime has no such op on the CPU. */
export const ATTENTION: RowGroup = {
  names: SHAPES.map(rowName),
  async *run(bench, wants) {
    const backend = bench.backend(1);
    for (const shape of SHAPES.filter((one) => wants(rowName(one)))) {
      const [batch, tokens, heads, d] = shape;
      const generator = new Generator(SEED);
      const inputs = ['q', 'k', 'v'].map(() => {
        const data = Float32Array.from({ length: batch * tokens * heads * d }, () => generator.uniform(-1.7, 1.7));
        return new Tensor('float32', data, [batch, tokens, heads * d]);
      });
      const int8 = backend.compile(program('octavo::multi_head_attention_int8', heads, d));
      const float = backend.compile(program('octavo::multi_head_attention', heads, d));
      const [y] = int8.run(inputs) as [Tensor<'float32'>];
      const [floats] = float.run(inputs) as [Tensor<'float32'>];
      const oursInt8Error = checkClose('our int8 against our float', y.data, floats.data, INT8_ERROR);
      const times = await contest({
        oursMs: () => int8.run(inputs),
        ortInt8Ms: null,
        oursFloatMs: () => float.run(inputs),
        ortFloatMs: null,
      });
      const peakShare = (2 * batch * heads * tokens * tokens * d) / (times.oursMs as number) / 1e6 / bench.peaks.int8;
      yield { name: rowName(shape), isa: bench.isa, threads: 1, ...times, peakShare, oursInt8Error };
      int8.dispose();
      float.dispose();
    }
  },
};

function program(op: string, heads: number, d: number): Program {
  return {
    values: ['q', 'k', 'v', 'y'].map((name) => ({ name })),
    instructions: [{ op, inputs: [0, 1, 2], outputs: [3], attrs: { heads, scale: 1 / Math.sqrt(d) } }],
    inputs: ['q', 'k', 'v'].map((name, value) => ({ name, value, dtype: 'float32' })),
    outputs: [{ name: 'y', value: 3 }],
  };
}
