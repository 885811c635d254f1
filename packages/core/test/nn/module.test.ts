import '../reference-only.js';
import { describe, expect, it } from 'vitest';
import { isOctavoError } from '../../src/errors.js';
import * as F from '../../src/functional.js';
import * as nn from '../../src/nn/index.js';
import { pythonFloat } from '../../src/nn/repr.js';
import { type Recorder, withRecorder } from '../../src/ops/recorder.js';
import { Tensor } from '../../src/tensor/tensor.js';

class Net extends nn.Module<(x: Tensor) => Tensor> {
  readonly encoder = new nn.Sequential(new nn.Linear(2, 3), new nn.GELU());
  readonly head = new nn.Linear(3, 1, { bias: false });
  steps: Tensor = Tensor.from([0], { dtype: 'int64' });

  constructor() {
    super();
    this.buffers.add('steps');
  }

  forward(x: Tensor): Tensor {
    return this.head.call(this.encoder.call(x));
  }
}

describe('the tree', () => {
  const net = new Net();

  it('names modules, parameters and buffers', () => {
    expect([...net.namedModules()].map(([name]) => name)).toEqual(['', 'encoder', 'encoder.0', 'encoder.1', 'head']);
    expect([...net.namedParameters()].map(([name]) => name)).toEqual([
      'encoder.0.weight',
      'encoder.0.bias',
      'head.weight',
    ]);
    expect(Object.keys(net.stateDict())).toEqual(['steps', 'encoder.0.weight', 'encoder.0.bias', 'head.weight']);
    expect(net.getSubmodule('encoder.0')).toBe(net.encoder.at(0));
    expect(() => net.getSubmodule('encodr.0')).toThrow("no module 'encodr.0' in Net; did you mean 'encoder.0'?");
  });

  it('switches all modules between training and evaluation', () => {
    expect(net.training).toBe(false);
    expect([...net.train().namedModules()].every(([, module]) => module.training)).toBe(true);
    expect([...net.eval().namedModules()].some(([, module]) => module.training)).toBe(false);
  });

  it('prints nested modules, and extra lines above children', () => {
    class Outer extends nn.Module {
      readonly inner = new nn.Sequential(new nn.ReLU());
      forward(): void {}
      override extraRepr(): string {
        return 'width=3';
      }
    }
    expect(String(new Outer())).toBe('Outer(\n  width=3\n  (inner): Sequential(\n    (0): ReLU()\n  )\n)');
  });
});

describe('state dicts', () => {
  it('go from one model to another, sharing tensors', () => {
    const [a, b] = [new Net(), new Net()];
    b.loadStateDict(a.stateDict());
    expect(b.head.weight).toBe(a.head.weight);
    const x = Tensor.from([[1, 2]]);
    expect(b.call(x).toArray()).toEqual(a.call(x).toArray());
  });

  it('list everything that differs in one error', () => {
    const state = new Net().stateDict();
    const { 'head.weight': _, ...rest } = state;
    const wrong = {
      ...rest,
      'head.weigth': Tensor.zeros([1, 3]),
      'encoder.0.bias': Tensor.zeros([4]),
      steps: Tensor.zeros([1]),
    };
    let caught: unknown;
    try {
      new Net().loadStateDict(wrong);
    } catch (error) {
      caught = error;
    }
    expect(isOctavoError(caught) && [caught.code, caught.message]).toEqual([
      'STATE_DICT_MISMATCH',
      "state dict does not fit Net: missing: head.weight; unexpected: head.weigth; did you mean 'head.weight'?; " +
        'steps: expected int64 [1], got float32 [1]; encoder.0.bias: expected float32 [3], got float32 [4]. ' +
        'Use { strict: false } to skip missing and unexpected names',
    ]);
  });

  it('not strict: take what fits, still refuse wrong shapes', () => {
    const net = new Net();
    const before = net.head.weight;
    const weight = Tensor.zeros([3, 2]);
    net.loadStateDict({ 'encoder.0.weight': weight, unknown: weight }, { strict: false });
    expect([(net.encoder.at(0) as nn.Linear).weight, net.head.weight]).toEqual([weight, before]);
    expect(() => net.loadStateDict({ 'head.weight': weight }, { strict: false })).toThrow(
      'expected float32 [1, 3], got float32 [3, 2]',
    );
    expect(() => net.loadStateDict({ toString: weight } as never)).toThrow('unexpected: toString');
  });
});

describe('hooks', () => {
  it('see and may replace inputs and output, until removed', () => {
    const relu = new nn.ReLU();
    const pre = relu.registerForwardPreHook((_, [x]) => [F.neg(x as Tensor)]);
    const post = relu.registerForwardHook((module, inputs, output) => {
      expect([module, (inputs[0] as Tensor).toArray()]).toEqual([relu, [3]]);
      return F.add(output as Tensor, 1);
    });
    expect(relu.call(Tensor.from([-3])).toArray()).toEqual([4]);
    pre.remove();
    post.remove();
    expect(relu.call(Tensor.from([-3])).toArray()).toEqual([0]);
    relu.registerForwardHook(() => undefined);
    expect(relu.call(Tensor.from([2])).toArray()).toEqual([2]);
  });

  it('a recorder hears modules entered and left, also when forward throws', () => {
    const log: string[] = [];
    const name = (module: object): string => module.constructor.name;
    const recorder: Recorder = {
      op() {},
      read() {},
      enter: (module) => void log.push(`+${name(module)}`),
      leave: (module) => void log.push(`-${name(module)}`),
    };
    class Broken extends nn.Module {
      readonly inner = new nn.ReLU();
      forward(): never {
        this.inner.call(Tensor.from([1]));
        throw new Error('broken');
      }
    }
    expect(() => withRecorder(recorder, () => new Broken().call())).toThrow('broken');
    expect(log).toEqual(['+Broken', '+ReLU', '-ReLU', '-Broken']);
  });
});

describe('cloneModule', () => {
  it('copies the structure and hooks, and shares tensors', () => {
    const net = new Net();
    const calls: string[] = [];
    net.head.registerForwardHook(() => void calls.push('head'));
    const copy = nn.cloneModule(net);
    expect([
      copy instanceof Net,
      copy !== net,
      copy.encoder !== net.encoder,
      copy.head.weight === net.head.weight,
    ]).toEqual([true, true, true, true]);
    copy.setChild('head', new nn.ReLU());
    expect(net.head).toBeInstanceOf(nn.Linear);
    const again = nn.cloneModule(net);
    again.head.forwardHooks.clear();
    net.call(Tensor.from([[1, 2]]));
    expect(calls).toEqual(['head']);
    expect([...again.buffers]).toEqual(['steps']);
    expect(nn.isModule(again)).toBe(true);
    expect(Object.keys(again)).toEqual(Object.keys(net));
  });

  it('a module that is shared stays shared', () => {
    const shared = new nn.Linear(2, 2);
    const copy = nn.cloneModule(new nn.Sequential(shared, new nn.ReLU(), shared));
    expect(copy.at(0)).toBe(copy.at(2));
    expect(copy.at(0)).not.toBe(shared);
  });
});

it('numbers print as in Python', () => {
  const cases: [number, string][] = [
    [1e-12, '1e-12'],
    [1e-5, '1e-05'],
    [0.1, '0.1'],
    [1, '1.0'],
    [0, '0.0'],
    [-0, '-0.0'],
    [1.5e-7, '1.5e-07'],
    [1e16, '1e+16'],
    [123456, '123456.0'],
    [Number.NaN, 'nan'],
    [-1 / 0, '-inf'],
    [0.0001, '0.0001'],
  ];
  for (const [x, text] of cases) expect(pythonFloat(x)).toBe(text);
});
