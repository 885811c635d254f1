import { F, Module, nn, Tensor } from '@octavo/core';
import {
  defaultDynamicQConfig,
  defaultQConfig,
  perChannelDynamicQConfig,
  perRowDynamicQConfig,
  type QConfigDict,
} from '@octavo/observers';
import { describe, expect, it } from 'vitest';
import { convertDynamic, type Graph, prepareDynamic, quantizeDynamic, trace, verify } from '../../src/index.js';
import { bits, floats, floatsOf, Mlp, seeded, sentences, TinyClassifier } from '../models.js';

const classifier = seeded(() => new TinyClassifier());
const float = trace(classifier, sentences([3, 5]));
const feeds = sentences([5, 2, 7]);

/** `scope: scheme` of every linear in order; the op's name where it stayed float. */
function linears(graph: Graph): string[] {
  return [...graph.nodes()]
    .filter(({ op }) => op === 'aten::linear' || op === 'quantized::linear_dynamic')
    .map(
      ({ op, scope, attrs }) => `${scope}: ${op === 'aten::linear' ? 'float' : `${attrs.scheme} ${attrs.reduceRange}`}`,
    );
}

describe.each([
  ['perRow', perRowDynamicQConfig],
  ['perChannel', perChannelDynamicQConfig],
  ['default', defaultDynamicQConfig],
])('quantizeDynamic with %s', (_, qconfig) => {
  it.each([false, true])('is prepareDynamic and convertDynamic: the same graph, the same bits (debug %s)', (debug) => {
    const whole = verify(quantizeDynamic(float, { '': qconfig }, { debug }));
    const prepared = verify(prepareDynamic(float, { '': qconfig }));
    const parts = verify(convertDynamic(prepared, { debug }));
    expect(parts.print()).toBe(whole.print());
    expect([...parts.parameters]).toEqual([...whole.parameters]);
    expect(bits(parts.run(feeds).output)).toEqual(bits(whole.run(feeds).output));
  });

  it('is near the float graph, and a prepared graph is the float graph', () => {
    const [exact, int8] = [float, quantizeDynamic(float, { '': qconfig })].map((graph) =>
      floatsOf(graph.run(feeds).output),
    );
    exact!.forEach((value, i) => {
      expect(Math.abs(value - (int8![i] as number))).toBeLessThan(0.05);
    });
    expect(bits(prepareDynamic(float, { '': qconfig }).run(feeds).output)).toEqual(bits(float.run(feeds).output));
  });

  it('gives the eager op of each linear its bits', () => {
    const model = seeded(() => new nn.Sequential(new nn.Linear(8, 4)));
    const int8 = quantizeDynamic(trace(model, { x: floats([2, 8]) }), { '': qconfig });
    const packed = int8.parameters.get('0._packed_params');
    const x = floats([3, 5, 8], 9);
    const options = qconfig === perRowDynamicQConfig ? {} : { scheme: 'perTensor' as const, reduceRange: true };
    expect(bits(int8.run({ x }).output)).toEqual(bits(F.linearDynamic(x, packed as never, options)));
  });
});

describe('inplace', () => {
  it('is off: the given graph stays as it is', () => {
    const before = float.print();
    const prepared = prepareDynamic(float, { '': perRowDynamicQConfig });
    const printed = prepared.print();
    convertDynamic(prepared);
    expect(float.print()).toBe(before);
    expect(float.stage).toBe('float');
    expect(prepared.print()).toBe(printed);
  });

  it('edits the given graph when asked to', () => {
    const graph = float.clone();
    expect(quantizeDynamic(graph, { '': perRowDynamicQConfig }, { inplace: true })).toBe(graph);
    expect(graph.stage).toBe('quantized');
    expect(graph.print()).toBe(quantizeDynamic(float, { '': perRowDynamicQConfig }).print());
  });
});

describe('qconfig dictionary', () => {
  class Sub extends Module<(x: Tensor) => Tensor> {
    fc1 = new nn.Linear(4, 4);
    fc2 = new nn.Linear(4, 4);
    fc3 = new nn.Linear(4, 4);
    forward(x: Tensor): Tensor {
      return this.fc3.call(this.fc2.call(this.fc1.call(x)));
    }
  }
  class Model extends Module<(x: Tensor) => Tensor> {
    sub = new Sub();
    fc = new nn.Linear(4, 4);
    weight = floats([4, 4]);
    forward(x: Tensor): Tensor {
      return F.linear(this.fc.call(this.sub.call(x)), this.weight);
    }
  }
  const model = trace(
    seeded(() => new Model()),
    { x: floats([2, 4]) },
  );
  const scheme = (dict: QConfigDict) => linears(quantizeDynamic(model, dict));

  it('takes the longest path: { "": a, sub: b, "sub.fc1": c, "sub.fc2": null }', () => {
    const dict = {
      '': perRowDynamicQConfig,
      sub: perChannelDynamicQConfig,
      'sub.fc1': defaultDynamicQConfig,
      'sub.fc2': null,
    };
    expect(scheme(dict)).toEqual(['sub.fc1: 0 1', 'sub.fc2: float', 'sub.fc3: 0 1', 'fc: 1 0', ': 1 0']);
    const quantized = quantizeDynamic(model, dict);
    const axis = (name: string) =>
      (quantized.parameters.get(name) as unknown as { weight: { axis: number | null } }).weight.axis;
    expect([axis('sub.fc1._packed_params'), axis('sub.fc3._packed_params')]).toEqual([null, 0]);
  });

  it('without "" quantizes named modules alone; null is inherited, and a deeper key ends it', () => {
    expect(scheme({ sub: perRowDynamicQConfig })).toEqual([
      'sub.fc1: 1 0',
      'sub.fc2: 1 0',
      'sub.fc3: 1 0',
      'fc: float',
      ': float',
    ]);
    expect(scheme({ '': perRowDynamicQConfig, sub: null, 'sub.fc2': perRowDynamicQConfig })).toEqual([
      'sub.fc1: float',
      'sub.fc2: 1 0',
      'sub.fc3: float',
      'fc: 1 0',
      ': 1 0',
    ]);
    expect(scheme({})).toEqual(['sub.fc1: float', 'sub.fc2: float', 'sub.fc3: float', 'fc: float', ': float']);
  });

  it('refuses unknown paths, with the nearest', () => {
    expect(() => prepareDynamic(model, { 'sub.fc4': null })).toThrow(/'sub\.fc4'.*did you mean 'sub\.fc1'/);
    expect(() => quantizeDynamic(model, { 'sub.cf1': null })).toThrow(/did you mean 'sub\.fc1'/);
  });

  it('refuses values that are no dynamic qconfigs', () => {
    expect(() => prepareDynamic(model, { '': 'perRow' as never })).toThrow(/qconfigByName/);
    expect(() => prepareDynamic(model, { '': defaultQConfig })).toThrow(/no qconfig for dynamic int8/);
  });
});

describe('stages', () => {
  it('refuse the wrong verb, and say what to do', () => {
    const prepared = prepareDynamic(float, { '': perRowDynamicQConfig });
    expect(() => convertDynamic(float)).toThrow(/expected a prepared graph.*prepareDynamic/);
    expect(() => prepareDynamic(prepared, {})).toThrow(/expected a float graph.*convertDynamic/);
    const quantized = convertDynamic(prepared);
    expect(() => quantizeDynamic(quantized, {})).toThrow(/start from the float graph/);
    expect(() => quantizeDynamic(classifier as never, {})).toThrow(/expected a graph.*trace/);
  });
});

describe('one range a row', () => {
  const int8 = quantizeDynamic(float, { '': perRowDynamicQConfig });
  const row = (tensor: Tensor | undefined, i: number) => [...floatsOf(tensor).slice(2 * i, 2 * i + 2)];

  it('gives a sentence the same bits in any batch and at any padding', () => {
    const { ids, mask } = sentences([5]);
    const alone = row(int8.run({ ids, mask }).output, 0);
    for (const [lengths, padTo] of [
      [[5, 2, 9], 9],
      [[5], 16],
      [[5, 16], 16],
    ] as const) {
      expect(row(int8.run(sentences(lengths, padTo)).output, 0)).toEqual(alone);
    }
  });
});

describe('a linear that is called twice', () => {
  it('shares its packed weight', () => {
    class Twice extends Module<(x: Tensor) => Tensor> {
      fc = new nn.Linear(4, 4);
      forward(x: Tensor): Tensor {
        return this.fc.call(F.relu(this.fc.call(x)));
      }
    }
    const int8 = quantizeDynamic(
      trace(
        seeded(() => new Twice()),
        { x: floats([1, 4]) },
      ),
      { '': perRowDynamicQConfig },
    );
    expect([...int8.parameters.keys()]).toEqual(['fc._packed_params']);
  });
});

describe('a weight that a float op reads as well', () => {
  it('stays readable beside its packed form', () => {
    class Tied extends Module<(ids: Tensor) => Tensor> {
      words = new nn.Embedding(6, 4);
      forward(ids: Tensor): Tensor {
        return F.linear(this.words.call(ids), this.words.weight);
      }
    }
    const model = seeded(() => new Tied());
    const ids = Tensor.from([[1, 2]], { dtype: 'int64' });
    const int8 = verify(quantizeDynamic(trace(model, { ids }), { '': perRowDynamicQConfig }));
    expect(int8.get('words.weight')).toBe(model.words.weight);
    expect([...int8.parameters.keys()]).toEqual(['words.weight', 'words._packed_params']);
  });
});

describe('an int8 eager module', () => {
  it('is traced as it is', () => {
    const float = trace(
      seeded(() => new Mlp()),
      { x: floats([1, 8]) },
    );
    const packed = quantizeDynamic(float, { '': perRowDynamicQConfig }).parameters.get('fc1._packed_params');
    class Quantized extends Module<(x: Tensor) => Tensor> {
      forward(x: Tensor): Tensor {
        return F.linearDynamic(x, packed as never);
      }
    }
    const graph = verify(trace(new nn.Sequential(new Quantized()), { x: floats([1, 8]) }));
    expect(graph.print()).toContain('prim::GetAttr[name="0._packed_params"]');
    const x = floats([3, 8]);
    expect(bits(graph.run({ x }).output)).toEqual(bits(F.linearDynamic(x, packed as never)));
  });
});
