import { F, Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { Graph, trace } from '../../src/index.js';
import { constantSpec } from '../../src/ir/leaf-nodes.js';
import { PACKED, tensorType } from '../../src/ir/value-type.js';
import { floats } from '../models.js';

const FLOAT = tensorType('float32', [2]);

describe('print', () => {
  it('spells out numbers, names codes, and leaves large constants to the file', () => {
    const graph = new Graph('Model');
    const x = graph.addInput('x', tensorType('int64', null));
    for (const tensor of [
      Tensor.from(4, { dims: [] }),
      Tensor.from(-3.4028234663852886e38, { dims: [] }),
      Tensor.from(0.25, { dims: [1] }),
      Tensor.from(7n, { dtype: 'int64', dims: [] }),
      floats([2, 2]),
    ]) {
      graph.insert(constantSpec(tensor));
    }
    const node = (op: string, attrs: Record<string, number | number[]>) =>
      graph.insert({ op, inputs: [x, null], outputs: [{ type: FLOAT }], attrs, scope: 'a.b' });
    node('aten::layer_norm', { eps: 1e-12, axes: 1 });
    node('aten::linear', { activation: 0 });
    node('aten::linear', { activation: 2 });
    node('aten::to', { dtype: 5 });
    node('aten::quantize_per_tensor', { dtype: 3 });
    node('quantized::linear_dynamic', { reduceRange: 1, scheme: 0 });
    node('aten::reshape', { dims: [0, 0, -1] });
    graph.addOutput('output', x);
    expect(graph.print()).toMatchInlineSnapshot(`
      "graph(%self : Model,
            %x : Long(*)):
        %2 : Float() = prim::Constant[value={4.}]()
        %3 : Float() = prim::Constant[value={-3.4028234663852886e+38}]()
        %4 : Float(1) = prim::Constant[value={0.25}]()
        %5 : Long() = prim::Constant[value={7}]()
        %6 : Float(2, 2) = prim::Constant[value=<Tensor>]()
        %7 : Float(2) = aten::layer_norm[axes=1, eps=1e-12](%x, None), scope: a.b
        %8 : Float(2) = aten::linear(%x, None), scope: a.b
        %9 : Float(2) = aten::linear[activation=gelu](%x, None), scope: a.b
        %10 : Float(2) = aten::to[dtype=int64](%x, None), scope: a.b
        %11 : Float(2) = aten::quantize_per_tensor[dtype=quint8](%x, None), scope: a.b
        %12 : Float(2) = quantized::linear_dynamic[scheme=perTensor, reduceRange=1](%x, None), scope: a.b
        %13 : Float(2) = aten::reshape[dims=[0, 0, -1]](%x, None), scope: a.b
        return (%x)
      "
    `);
  });

  it('makes identifiers of names, all different', () => {
    const graph = new Graph('Model');
    for (const name of ['input.ids', 'input_ids', '2nd', 'self', 'weight.1']) graph.addInput(name, PACKED);
    graph.insert({ op: 'aten::relu', inputs: [], outputs: [{ type: FLOAT, hint: 'weight' }] });
    const names = [...graph.print().matchAll(/%([\w.]+) :/g)].map(([, name]) => name);
    expect(names).toEqual(['self', 'input_ids', 'input_ids.1', '_2nd', 'self.1', 'weight_1', 'weight.1']);
    expect(new Set(names).size).toBe(names.length);
  });

  it('says nothing of tensors that were only looked at', () => {
    expect(trace((x: Tensor) => x, { x: floats([3]) }).print()).toBe(
      'graph(%self : Function,\n      %x : Float(3)):\n  return (%x)\n',
    );
    expect(
      trace(
        function model(x: Tensor) {
          return F.relu(x);
        },
        { x: floats([3]) },
      ).print(),
    ).toContain('%self : model,');
  });
});
