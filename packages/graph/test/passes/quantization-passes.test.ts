import { F, type LinearPackedParams, nn, type Tensor } from '@octavo/core';
import {
  defaultDynamicQConfig,
  perChannelDynamicQConfig,
  perRowDynamicQConfig,
  type QConfig,
  resolveQConfig,
} from '@octavo/observers';
import { describe, expect, it } from 'vitest';
import { type Graph, type Pass, trace, verify } from '../../src/index.js';
import { fuseLinearDynamic } from '../../src/passes/fuse-linear-dynamic.js';
import { insertDynamicObservers } from '../../src/passes/insert-dynamic-observers.js';
import { removeDeadCode } from '../../src/passes/remove-dead-code.js';
import { replaceObservers } from '../../src/passes/replace-observers.js';
import { floats, seeded } from '../models.js';

function after(pass: Pass, graph: Graph): string {
  const once = verify(pass(graph)).print();
  expect(verify(pass(graph)).print()).toBe(once);
  return once;
}

const prepare =
  (qconfig: QConfig | null): Pass =>
  (graph) =>
    insertDynamicObservers(resolveQConfig({ '': qconfig }, graph.modules.keys()))(graph);

const onePath = () =>
  trace(
    seeded(() => new nn.Sequential(new nn.Linear(4, 3), new nn.ReLU())),
    { x: floats([2, 4]) },
  );

/** Two linears of one input, and one that the first two feed. */
const forked = () => {
  const [a, b] = [floats([4, 4], 1), floats([4, 4], 2)];
  return trace((x: Tensor) => F.linear(F.add(F.linear(x, a), F.linear(x, b)), a), { x: floats([2, 4]) });
};

describe('insertDynamicObservers', () => {
  it('observes the input and the weight of a linear', () => {
    expect(after(prepare(perRowDynamicQConfig), onePath())).toMatchInlineSnapshot(`
      "graph(%self : Sequential,
            %x : Float(2, 4)):
        %weight.1 : Float(3, 4) = prim::GetAttr[name="0.weight"](%self)
        %bias.1 : Float(3) = prim::GetAttr[name="0.bias"](%self)
        %observed.1 : Float(2, 4) = octavo::observe[observer="_observer_0", kind="PerRowMinMaxObserver()"](%x)
        %observed.2 : Float(3, 4) = octavo::observe[observer="_observer_1", kind="PerChannelMinMaxObserver(dtype=qint8, qscheme=per_channel_symmetric)"](%weight.1)
        %6 : Float(2, 3) = aten::linear(%observed.1, %observed.2, %bias.1), scope: 0
        %7 : Float(2, 3) = aten::relu(%6), scope: 1
        return (%7)
      "
    `);
  });

  it('observes a value once, however many linears read it', () => {
    expect(after(prepare(defaultDynamicQConfig), forked())).toMatchInlineSnapshot(`
      "graph(%self : Function,
            %x : Float(2, 4)):
        %2 : Float(4, 4) = prim::Constant[value=<Tensor>]()
        %observed.1 : Float(2, 4) = octavo::observe[observer="_observer_0", kind="PlaceholderObserver(dtype=quint8, isDynamic=true)"](%x)
        %observed.2 : Float(4, 4) = octavo::observe[observer="_observer_1", kind="MinMaxObserver(dtype=qint8, qscheme=per_tensor_symmetric)"](%2)
        %5 : Float(2, 4) = aten::linear(%observed.1, %observed.2, None)
        %6 : Float(4, 4) = prim::Constant[value=<Tensor>]()
        %observed.3 : Float(4, 4) = octavo::observe[observer="_observer_2", kind="MinMaxObserver(dtype=qint8, qscheme=per_tensor_symmetric)"](%6)
        %8 : Float(2, 4) = aten::linear(%observed.1, %observed.3, None)
        %9 : Float(2, 4) = aten::add(%5, %8)
        %observed.4 : Float(2, 4) = octavo::observe[observer="_observer_3", kind="PlaceholderObserver(dtype=quint8, isDynamic=true)"](%9)
        %11 : Float(2, 4) = aten::linear(%observed.4, %observed.2, None)
        return (%11)
      "
    `);
  });

  it('leaves linears whose weight or bias is computed, and says so', () => {
    const graph = trace((x: Tensor) => F.linear(F.linear(x, x), floats([2, 2]), F.select(x, 0, 0)), {
      x: floats([2, 2]),
    });
    const before = graph.print();
    expect(after(prepare(perRowDynamicQConfig), graph)).toBe(before);
    expect([...graph.nodes()].map(({ note }) => note).filter(Boolean)).toEqual([
      'its weight is computed at run time',
      'its bias is computed at run time',
    ]);
  });

  it('does nothing for null', () => {
    const graph = onePath();
    expect(after(prepare(null), graph)).toBe(onePath().print());
  });
});

describe('replaceObservers', () => {
  it.each<[string, QConfig]>([
    ['one range a row, weights per channel', perRowDynamicQConfig],
    ['one range a tensor in 7 bits, weights per channel', perChannelDynamicQConfig],
    ['one range a tensor in 7 bits, weights per tensor', defaultDynamicQConfig],
  ])('writes quantize and dequantize: %s', (_, qconfig) => {
    expect(after((g) => removeDeadCode(replaceObservers(g)), prepare(qconfig)(onePath()))).toMatchSnapshot();
  });

  it('names the parameter that cannot be quantized', () => {
    const broken = new nn.Linear(2, 2);
    (broken.weight.data as Float32Array)[1] = Number.NaN;
    const graph = prepare(perRowDynamicQConfig)(trace(new nn.Sequential(broken), { x: floats([1, 2]) }));
    expect(() => replaceObservers(graph)).toThrow(/^0\.weight: .*NaN/);
  });
});

describe('fuseLinearDynamic', () => {
  const converted = (qconfig: QConfig, graph: Graph) => removeDeadCode(replaceObservers(prepare(qconfig)(graph)));

  it.each<[string, QConfig]>([
    ['per row', perRowDynamicQConfig],
    ['per tensor', perChannelDynamicQConfig],
  ])('packs the weight and fuses: %s', (_, qconfig) => {
    const graph = converted(qconfig, onePath());
    expect(after((g) => removeDeadCode(fuseLinearDynamic(g)), graph)).toMatchSnapshot();
    expect([...graph.frozen]).toEqual([
      ['0.weight', '0._packed_params'],
      ['0.bias', '0._packed_params'],
    ]);
  });

  it('packs a weight once for all linears that read it with one bias', () => {
    const graph = converted(perRowDynamicQConfig, forked());
    const printed = after((g) => removeDeadCode(fuseLinearDynamic(g)), graph);
    expect(printed.match(/quantized::linear_dynamic/g)).toHaveLength(3);
    expect(graph.parameters.size).toBe(2);
  });

  it('computes the codes of a graph that did not come from observers', () => {
    const known = converted(perRowDynamicQConfig, onePath());
    const strange = known.clone();
    for (const [name, operand] of strange.parameters) {
      if (name.endsWith('_scale')) strange.parameters.set(name, F.mul(operand as Tensor, 1));
    }
    fuseLinearDynamic(known);
    fuseLinearDynamic(strange);
    expect(strange.parameters.get('0._packed_params')).toEqual(known.parameters.get('0._packed_params'));
  });

  it('does not fuse a linear whose activation is quantized by constants', () => {
    const graph = converted(perRowDynamicQConfig, onePath());
    const [quantize] = [...graph.nodes()].filter(({ op }) => op === 'octavo::quantize_per_row');
    const constant = graph.insert(
      { op: 'prim::Constant', inputs: [], outputs: [{ type: quantize!.input(1).type }], attrs: { value: floats([2]) } },
      quantize,
    );
    quantize!.setInput(1, constant.output);
    expect(after(fuseLinearDynamic, graph)).toContain('aten::linear');
  });

  it('keeps the zero points of asymmetric weights', () => {
    const graph = converted(perRowDynamicQConfig, onePath());
    (graph.get('0.weight_zero_point').data as Int32Array)[0] = 3;
    const fused = fuseLinearDynamic(graph.clone());
    expect((fused.parameters.get('0._packed_params') as LinearPackedParams).weight.zeroPoints[0]).toBe(3);
  });
});
