import { F, manualSeed, nn, type Tensor, Tensor as Tensors } from '@octavo/core';
import { defaultDynamicQConfig, perRowDynamicQConfig } from '@octavo/observers';
import { beforeEach, describe, expect, test } from 'vitest';
import { quantizeDynamic } from '../../src/index.js';
import { bits, noise } from '../support/models.js';

beforeEach(() => void manualSeed(11));

type Recurrent = nn.Module<(x: Tensor, state: null, lengths: Tensor | null) => [Tensor, Tensor | Tensor[]]>;

function run(module: unknown, x: Tensor, lengths: readonly number[] | null): Tensor[] {
  const own = lengths && Tensors.from([...lengths], { dtype: 'int32' });
  const [output, state] = (module as Recurrent).call(x, null, own);
  return [output, ...[state].flat()];
}

describe.each([nn.LSTM, nn.GRU])('lengths of int8 $name', (Layer) => {
  test('with a range a row, each sequence is what it is alone', () => {
    const module = quantizeDynamic(new Layer(4, 6, { bidirectional: true }), null, { qconfig: perRowDynamicQConfig });
    const x = noise([5, 2, 4]);
    const [output, h] = run(module, x, [3, 5]) as [Tensor, Tensor];
    [3, 5].forEach((length, item) => {
      const alone = F.slice(F.slice(x, 1, item, item + 1), 0, 0, length);
      const [expected, last] = run(module, alone, null) as [Tensor, Tensor];
      expect(bits(F.slice(F.slice(output, 1, item, item + 1), 0, 0, length))).toEqual(bits(expected));
      expect(bits(F.slice(h, 1, item, item + 1))).toEqual(bits(last));
    });
  });

  test('with one range a tensor, what lies beyond the end of a sequence does not count', () => {
    const module = quantizeDynamic(new Layer(4, 6), null, { qconfig: defaultDynamicQConfig });
    const x = noise([5, 2, 4]);
    const padded = F.cat([F.slice(x, 0, 0, 3), F.mul(F.slice(x, 0, 3), Tensors.from([1000]))]);
    const expected = run(module, F.slice(x, 0, 0, 3), null);
    const got = run(module, padded, [3, 3]);
    expect(bits(F.slice(got[0] as Tensor, 0, 0, 3))).toEqual(bits(expected[0] as Tensor));
    expect(bits(got[1] as Tensor)).toEqual(bits(expected[1] as Tensor));
  });
});
