import { Module, nn, Tensor } from '@octavo/core';
import { expect, it } from 'vitest';
import { trace, verify } from '../../src/index.js';
import { bits, floats, seeded } from '../models.js';

/** Self-attention with padding, then attention to a memory of another width. */
class Attending extends Module<(x: Tensor, memory: Tensor, padding: Tensor) => Tensor> {
  self = new nn.MultiheadAttention(8, 2, { batchFirst: true });
  cross = new nn.MultiheadAttention(8, 4, { batchFirst: true, kdim: 6, vdim: 6 });

  forward(x: Tensor, memory: Tensor, padding: Tensor): Tensor {
    const [y] = this.self.call(x, x, x, { keyPaddingMask: padding, needWeights: false });
    return this.cross.call(y, memory, memory)[0];
  }
}

it('attention is traced once for every batch and length, with masks and with weights', () => {
  const model = seeded(() => new Attending());
  const inputs = (batch: number, time: number, memory: number): Record<string, Tensor> => ({
    x: floats([batch, time, 8], 1),
    memory: floats([batch, memory, 6], 2),
    padding: Tensor.from(
      Array.from({ length: batch }, (_, item) => Array.from({ length: time }, (_, t) => (t > item ? 1 : 0))),
      { dtype: 'bool' },
    ),
  });
  const graph = verify(trace(model, inputs(2, 3, 4)));
  expect(graph.print()).toContain('octavo::multi_head_attention[heads=2');
  for (const feeds of [inputs(2, 3, 4), inputs(3, 5, 2)]) {
    const { x, memory, padding } = feeds as Record<'x' | 'memory' | 'padding', Tensor>;
    const [y] = Object.values(graph.run(feeds)) as [Tensor];
    expect(bits(y)).toEqual(bits(model.call(x, memory, padding)));
  }
});
