import { type Backend, F, referenceBackend, type Tensor, withBackend } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { trace } from '../../src/index.js';
import { bits, floats, Mlp, seeded, sentences, TinyClassifier } from '../models.js';

describe('run', () => {
  const graph = trace(
    seeded(() => new TinyClassifier()),
    sentences([3, 2]),
  );

  it('names the inputs that are unknown or missing', () => {
    const { ids, mask } = sentences([4]);
    expect(() => graph.run({ ids, maks: mask })).toThrow(
      /no input 'maks'; did you mean 'mask'\? Its inputs: ids, mask/,
    );
    expect(() => graph.run({ ids })).toThrow(/missing inputs: mask; got ids/);
    expect(() => graph.run({} as never)).toThrow(/missing inputs: ids, mask; got none/);
    expect(() => graph.run({ ids, mask: 3 as never })).toThrow(/input 'mask' must be a tensor/);
  });

  it('refuses another dtype by name', () => {
    const { ids } = sentences([4]);
    expect(() => graph.run({ ids, mask: floats([1, 4]) })).toThrow(/'mask' expects int64, got float32/);
  });

  it('takes { type, dims, data } of any library', () => {
    const { ids, mask } = sentences([4]);
    const plain = ({ type, dims, data }: Tensor) => ({ type, dims, data });
    expect(bits(graph.run({ ids: plain(ids), mask: plain(mask) }).output)).toEqual(
      bits(graph.run({ ids, mask }).output),
    );
  });

  it('gives the same bits from runAsync, several in flight', async () => {
    const feeds = [sentences([3]), sentences([5, 2]), sentences([8])];
    const results = await Promise.all(feeds.map((feed) => graph.runAsync(feed)));
    results.forEach((result, i) => {
      expect(bits(result.output)).toEqual(bits(graph.run(feeds[i] as never).output));
    });
  });

  it('stops at an abort, and rejects instead of throwing', async () => {
    const aborted = AbortSignal.abort();
    await expect(graph.runAsync(sentences([3]), { signal: aborted })).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(graph.runAsync({})).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('compiles once for each backend', () => {
    let compiled = 0;
    const counting: Backend = {
      ...referenceBackend,
      compile: (program) => {
        compiled++;
        return referenceBackend.compile(program);
      },
    };
    const mlp = trace(
      seeded(() => new Mlp()),
      { x: floats([1, 8]) },
    );
    withBackend(counting, () => {
      mlp.run({ x: floats([1, 8]) });
      mlp.run({ x: floats([5, 8]) });
    });
    mlp.run({ x: floats([2, 8]) });
    withBackend(counting, () => mlp.run({ x: floats([3, 8]) }));
    expect(compiled).toBe(1);
  });

  it('does not share memory between inputs and outputs', () => {
    const views = trace((x: Tensor) => ({ same: x, view: F.reshape(x, [-1]) }), { x: floats([2, 2]) });
    const x = floats([2, 2]);
    const { same, view } = views.run({ x });
    expect(same?.data).not.toBe(x.data);
    expect(view?.data.buffer).not.toBe(x.data.buffer);
    expect(view?.toArray()).toEqual([...x.data]);
  });
});

describe('dispose', () => {
  it('ends running but not printing, and may be called twice', () => {
    const graph = trace(
      seeded(() => new Mlp()),
      { x: floats([1, 8]) },
    );
    graph.run({ x: floats([1, 8]) });
    const copy = graph.clone();
    graph.dispose();
    graph[Symbol.dispose]();
    expect(() => graph.run({ x: floats([1, 8]) })).toThrow(/disposed/);
    expect(graph.print()).toContain('aten::linear');
    expect(copy.run({ x: floats([1, 8]) }).output?.dims).toEqual([1, 4]);
  });
});
