import { F, Module, nn, Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { trace, verify } from '../../src/index.js';
import { bits, floats, Mlp, seeded, sentences, TinyClassifier } from '../models.js';

describe('trace', () => {
  it('prints a module in the look of TorchScript', () => {
    const graph = verify(
      trace(
        seeded(() => new Mlp()),
        { x: floats([2, 8]) },
      ),
    );
    expect(graph.print()).toMatchInlineSnapshot(`
      "graph(%self : Mlp,
            %x : Float(2, 8)):
        %weight.1 : Float(16, 8) = prim::GetAttr[name="fc1.weight"](%self)
        %bias.1 : Float(16) = prim::GetAttr[name="fc1.bias"](%self)
        %4 : Float(2, 16) = aten::linear(%x, %weight.1, %bias.1), scope: fc1
        %5 : Float(2, 16) = aten::gelu(%4), scope: act
        %weight.2 : Float(4, 16) = prim::GetAttr[name="fc2.weight"](%self)
        %bias.2 : Float(4) = prim::GetAttr[name="fc2.bias"](%self)
        %8 : Float(2, 4) = aten::linear(%5, %weight.2, %bias.2), scope: fc2
        return (%8)
      "
    `);
    expect(String(graph)).toBe(graph.print());
  });

  it('records functional calls like modules, with numbers as constants', () => {
    class Functional extends Module<(x: Tensor) => Tensor> {
      weight = floats([3, 4], 7);
      forward(x: Tensor): Tensor {
        return F.softmax(F.cat([F.mul(F.linear(x, this.weight), 0.5), F.neg(F.relu(F.linear(x, this.weight)))], -1));
      }
    }
    const graph = verify(trace(new Functional(), { x: floats([2, 4]) }));
    expect(graph.print()).toMatchInlineSnapshot(`
      "graph(%self : Functional,
            %x : Float(2, 4)):
        %weight.1 : Float(3, 4) = prim::GetAttr[name="weight"](%self)
        %3 : Float(2, 3) = aten::linear(%x, %weight.1, None)
        %4 : Float() = prim::Constant[value={0.5}]()
        %5 : Float(2, 3) = aten::mul(%3, %4)
        %6 : Float(2, 3) = aten::linear(%x, %weight.1, None)
        %7 : Float(2, 3) = aten::relu(%6)
        %8 : Float(2, 3) = aten::neg(%7)
        %9 : Float(2, 6) = aten::cat[dim=-1](%5, %8)
        %10 : Float(2, 6) = aten::softmax[dim=-1](%9)
        return (%10)
      "
    `);
  });

  it('traces a plain function, whose tensors are constants', () => {
    const table = Tensor.from([1, 2, 3]);
    const graph = verify(trace((x: Tensor) => F.add(x, table), [floats([3])]));
    expect(graph.inputNames).toEqual(['input0']);
    expect(graph.print()).toContain('prim::Constant[value=<Tensor>]()');
    expect(bits(graph.run({ input0: floats([2, 3]) }).output)).toEqual(bits(F.add(floats([2, 3]), table)));
  });

  it('gives the bits of eager at any batch and length', () => {
    const model = seeded(() => new TinyClassifier());
    const graph = verify(trace(model, sentences([2])));
    for (const lengths of [[1], [5, 3], [16, 1, 7]]) {
      const { ids, mask } = sentences(lengths);
      expect(bits(graph.run({ ids, mask }).output)).toEqual(bits(model.call(ids, mask)));
    }
  });

  it('gives a shared parameter one name', () => {
    class Tied extends Module<(x: Tensor) => Tensor> {
      first = new nn.Linear(4, 4);
      second = new nn.Linear(4, 4);
      constructor() {
        super();
        this.second.weight = this.first.weight;
      }
      forward(x: Tensor): Tensor {
        return this.second.call(this.first.call(x));
      }
    }
    const graph = verify(trace(new Tied(), [floats([1, 4])]));
    expect([...graph.parameters.keys()]).toEqual(['first.weight', 'first.bias', 'second.bias']);
  });

  it('names a module that stands at two paths by the one it is called from', () => {
    class Shared extends Module<(x: Tensor) => Tensor> {
      a: nn.Sequential;
      b: nn.Sequential;
      constructor() {
        super();
        const linear = new nn.Linear(4, 4);
        this.a = new nn.Sequential(linear);
        this.b = new nn.Sequential(linear);
      }
      forward(x: Tensor): Tensor {
        return this.b.call(this.a.call(x)) as Tensor;
      }
    }
    const graph = trace(new Shared(), [floats([1, 4])]);
    const scopes = [...graph.nodes()].filter(({ op }) => op === 'aten::linear').map(({ scope }) => scope);
    expect(scopes).toEqual(['a.0', 'b.0']);
  });

  it('counts a module made during forward as part of its caller', () => {
    class Maker extends Module<(x: Tensor) => Tensor> {
      inner = new (class Inner extends Module<(x: Tensor) => Tensor> {
        forward(x: Tensor): Tensor {
          return new nn.ReLU().call(x);
        }
      })();
      forward(x: Tensor): Tensor {
        return this.inner.call(x);
      }
    }
    const [node] = trace(new Maker(), [floats([2])]).nodes();
    expect(node?.scope).toBe('inner');
  });

  it('keeps inputs that nothing reads', () => {
    const graph = verify(trace((x: Tensor, _unused: Tensor) => F.relu(x), { x: floats([2]), unused: floats([1]) }));
    expect(graph.inputNames).toEqual(['x', 'unused']);
    expect(graph.run({ x: Tensor.from([-1, 1]), unused: floats([5]) }).output?.toArray()).toEqual([0, 1]);
  });

  it('takes arrays and records of outputs, inputs and constants among them', () => {
    const weight = floats([2], 3);
    const list = trace((x: Tensor) => [F.relu(x), x, weight], [Tensor.from([-1, 2])]);
    expect(list.outputNames).toEqual(['output0', 'output1', 'output2']);
    const fed = Tensor.from([-3, 4]);
    const results = list.run({ input0: fed });
    expect(Object.values(results).map((tensor) => tensor.toArray())).toEqual([[0, 4], [-3, 4], weight.toArray()]);
    expect(results.output1?.data).not.toBe(fed.data);
    expect(results.output2?.data).not.toBe(weight.data);
    const record = trace((x: Tensor) => ({ logits: F.relu(x), hidden: F.neg(x) }), [floats([2])]);
    expect(record.outputNames).toEqual(['logits', 'hidden']);
    expect(record.print()).toContain('return (%2, %3) # logits, hidden');
  });

  it('runs in evaluation mode with dropout gone', () => {
    const model = seeded(() => new nn.Sequential(new nn.Linear(4, 4), new nn.Dropout(0.5), new nn.ReLU()));
    expect([...trace(model, [floats([1, 4])]).nodes()].map(({ op }) => op)).not.toContain('aten::dropout');
    model.train();
    expect(() => trace(model, [floats([1, 4])])).toThrow(/eval\(\)/);
  });

  it('accepts tensors of other libraries', () => {
    const foreign = { type: 'float32', dims: [2], data: Float32Array.of(-1, 1) };
    const graph = trace((x: Tensor) => F.relu(x), { x: foreign as unknown as Tensor });
    expect(graph.run({ x: foreign }).output?.toArray()).toEqual([0, 1]);
  });
});
