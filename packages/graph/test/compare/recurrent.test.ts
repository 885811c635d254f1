import { Module, nn, Tensor } from '@octavo/core';
import { perRowDynamicQConfig } from '@octavo/observers';
import { describe, expect, it } from 'vitest';
import { compareShadow, compareWeights, quantizeDynamic, trace } from '../../src/index.js';
import { floats, seeded } from '../models.js';

/** With lengths, so that the layers have an operand behind their weights. */
class Tagger extends Module<(x: Tensor, lengths: Tensor) => Tensor> {
  constructor(readonly rnn: nn.LSTM | nn.GRU) {
    super();
  }

  forward(x: Tensor, lengths: Tensor): Tensor {
    return this.rnn.call(x, null, lengths)[0];
  }
}

const feeds = { x: floats([6, 3, 5]), lengths: Tensor.from([6, 1, 4], { dtype: 'int32' }) };

describe.each([
  ['an LSTM', seeded(() => new Tagger(new nn.LSTM(5, 18, { numLayers: 2, bidirectional: true })))],
  ['a GRU', seeded(() => new Tagger(new nn.GRU(5, 18, { numLayers: 2, bidirectional: true })))],
])('%s', (_, module) => {
  const float = trace(module, feeds);
  const int8 = quantizeDynamic(float, { '': perRowDynamicQConfig });

  it('has a row for the weights of the input and of h, of every layer and direction', () => {
    const rows = compareWeights(float, int8);
    expect(rows.map(({ name }) => name)).toEqual(
      ['l0', 'l0_reverse', 'l1', 'l1_reverse'].flatMap((suffix) => [
        `rnn.weight_ih_${suffix}`,
        `rnn.weight_hh_${suffix}`,
      ]),
    );
    for (const { sqnr } of rows) expect(sqnr).toBeGreaterThan(40);
    expect(new Set(rows.map(({ sqnr }) => sqnr)).size).toBe(8);
    const debug = quantizeDynamic(float, { '': perRowDynamicQConfig }, { debug: true });
    const bare = (each: typeof rows) => each.map(({ op, ...row }) => row);
    expect(bare(compareWeights(float, debug))).toEqual(bare(rows));
  });

  it('runs the float twin of each layer on the same input and lengths', async () => {
    const rows = await compareShadow(float, int8, [feeds]);
    expect(rows).toHaveLength(4);
    for (const { sqnr } of rows) expect(sqnr).toBeGreaterThan(30);
  });
});
