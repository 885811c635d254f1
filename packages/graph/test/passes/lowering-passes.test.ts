import { F, LinearPackedParams, nn, quantizePerTensor, Tensor } from '@octavo/core';
import { perChannelDynamicQConfig, perRowDynamicQConfig } from '@octavo/observers';
import { describe, expect, it } from 'vitest';
import { type Graph, type Pass, prepareDynamic, quantizeDynamic, trace, verify } from '../../src/index.js';
import { bindQParams } from '../../src/passes/bind-qparams.js';
import { dropObservers } from '../../src/passes/drop-observers.js';
import { foldConstants } from '../../src/passes/fold-constants.js';
import { fuseActivations } from '../../src/passes/fuse-activations.js';
import { fuseBatchNorm } from '../../src/passes/fuse-batch-norm.js';
import { removeDeadCode } from '../../src/passes/remove-dead-code.js';
import { shareEqualNodes } from '../../src/passes/share-equal-nodes.js';
import { splitLinearDynamic } from '../../src/passes/split-linear-dynamic.js';
import { floats, Mlp, seeded } from '../models.js';

/** The graph after the pass, in print; running it again must change nothing. */
function after(pass: Pass, graph: Graph): string {
  const once = verify(pass(graph)).print();
  expect(verify(pass(graph)).print()).toBe(once);
  return once;
}

const x = floats([2, 4]);
const packed = () => new LinearPackedParams(quantizePerTensor(floats([3, 4]), 0.02, 0, 'qint8'), floats([3]));

describe('removeDeadCode', () => {
  it('removes what no output depends on, with its parameters', () => {
    const linear = seeded(() => new nn.Linear(4, 3));
    const model = seeded(() => new nn.Sequential(linear, new nn.ReLU()));
    const graph = trace(model, { x });
    graph.returnNode.setInput(0, graph.inputs[0] ?? null);
    expect(after(removeDeadCode, graph)).toMatchInlineSnapshot(`
      "graph(%self : Sequential,
            %x : Float(2, 4)):
        return (%x)
      "
    `);
    expect(graph.parameters.size).toBe(0);
  });

  it('leaves what is alive', () => {
    const graph = trace(
      seeded(() => new Mlp()),
      { x: floats([1, 8]) },
    );
    const before = graph.print();
    expect(after(removeDeadCode, graph)).toBe(before);
  });
});

describe('dropObservers', () => {
  it('gives the float graph back', () => {
    const graph = trace(
      seeded(() => new Mlp()),
      { x: floats([1, 8]) },
    );
    const prepared = prepareDynamic(graph, { '': perRowDynamicQConfig });
    expect(after(dropObservers, prepared)).toBe(graph.print());
  });
});

describe('bindQParams', () => {
  it.each([
    ['per row', perRowDynamicQConfig],
    ['per tensor and per channel', perChannelDynamicQConfig],
  ])('gives dequantize its scale and zero point: %s', (_, qconfig) => {
    const model = seeded(() => new nn.Sequential(new nn.Linear(4, 3)));
    const debug = quantizeDynamic(trace(model, { x }), { '': qconfig }, { debug: true });
    expect(after(bindQParams, debug)).toMatchSnapshot();
  });
});

describe('foldConstants', () => {
  it('computes what does not depend on inputs', () => {
    const weight = floats([3, 4]);
    const graph = trace((input: Tensor) => F.linear(input, F.mul(F.reshape(weight, [3, -1]), 2), F.relu(floats([3]))), {
      x,
    });
    expect(after((g) => removeDeadCode(foldConstants(g)), graph)).toMatchInlineSnapshot(`
      "graph(%self : Function,
            %x : Float(2, 4)):
        %2 : Float(3, 4) = prim::Constant[value=<Tensor>]()
        %3 : Float(3) = prim::Constant[value=<Tensor>]()
        %4 : Float(2, 3) = aten::linear(%x, %2, %3)
        return (%4)
      "
    `);
  });

  it('leaves ops that refuse their operands to the run', () => {
    const graph = trace((input: Tensor) => F.add(input, F.add(floats([2]), floats([2]))), { x: floats([2]) });
    const [first] = [...graph.nodes()].filter(({ op }) => op === 'aten::add');
    const wrong = graph.insert(
      { op: 'prim::Constant', inputs: [], outputs: [{ type: first!.output.type }], attrs: { value: floats([3]) } },
      first,
    );
    first!.setInput(1, wrong.output);
    foldConstants(graph);
    expect(graph.print()).toContain('aten::add(%');
    expect(() => graph.run({ x: floats([2]) })).toThrow(/cannot be broadcast/);
  });
});

describe('fuseBatchNorm', () => {
  const image = floats([1, 3, 5, 5]);
  const conv = (input: Tensor) => F.conv2d(input, floats([4, 3, 3, 3]), floats([4]));
  const norm = (input: Tensor, mean: Tensor = floats([4])) =>
    F.batchNorm(input, mean, Tensor.from([0.5, 2, 1, 0.01]), floats([4]), null, 1e-3);

  it('puts the norm behind a convolution, and a ReLU behind both, without a change of a bit', () => {
    const graph = foldConstants(trace((input: Tensor) => F.relu(norm(conv(input))), { x: image }));
    const before = graph.run({ x: image });
    const printed = after((g) => fuseActivations(fuseBatchNorm(g)), graph);
    expect(printed).toContain('octavo::conv_affine[');
    expect(printed).toContain('activation=relu]');
    expect(printed).not.toMatch(/batch_norm|aten::relu/);
    expect(graph.run({ x: image })).toEqual(before);
  });

  it.each<[string, (input: Tensor) => unknown]>([
    ['the convolution is read elsewhere', (input) => ((y) => F.add(norm(y), y))(conv(input))],
    ['the convolution has an activation', (input) => norm(F.relu(conv(input)))],
    ['a statistic is computed', (input) => norm(conv(input), F.mean(conv(input), [0, 2, 3]))],
  ])('does not where %s', (_, model) => {
    const graph = fuseActivations(foldConstants(trace(model, { x: image })));
    const before = graph.print();
    expect(after(fuseBatchNorm, graph)).toBe(before);
  });
});

describe('fuseActivations', () => {
  it('moves relu and gelu into the linear they alone read', () => {
    const model = (input: Tensor) => F.gelu(F.linear(F.relu(F.linear(input, floats([4, 4]))), floats([3, 4])));
    expect(after(fuseActivations, trace(model, { x }))).toMatchInlineSnapshot(`
      "graph(%self : model,
            %x : Float(2, 4)):
        %2 : Float(4, 4) = prim::Constant[value=<Tensor>]()
        %3 : Float(2, 4) = aten::linear[activation=relu](%x, %2, None)
        %4 : Float(3, 4) = prim::Constant[value=<Tensor>]()
        %5 : Float(2, 3) = aten::linear[activation=gelu](%3, %4, None)
        return (%5)
      "
    `);
  });

  it('fuses int8 linears as well', () => {
    const weights = packed();
    const graph = trace((input: Tensor) => F.relu(F.linearDynamic(input, weights)), { x });
    expect(after(fuseActivations, graph)).toContain(
      'quantized::linear_dynamic[scheme=perRow, reduceRange=0, activation=relu]',
    );
  });

  it.each<[string, (input: Tensor) => unknown]>([
    ['the linear is read elsewhere', (input) => ((y) => F.add(F.relu(y), y))(F.linear(input, floats([4, 4])))],
    ['the linear is an output', (input) => ((y) => [F.relu(y), y])(F.linear(input, floats([4, 4])))],
    ['the linear has an activation', (input) => F.relu(F.linear(input, floats([4, 4]), null, { activation: 'gelu' }))],
    ['there is no linear', (input) => F.relu(F.neg(input))],
    ['it is no activation of linears', (input) => F.tanh(F.linear(input, floats([4, 4])))],
  ])('does not where %s', (_, model) => {
    const graph = trace(model, { x });
    const before = graph.print();
    expect(after(fuseActivations, graph)).toBe(before);
  });
});

describe('splitLinearDynamic', () => {
  it('makes two halves of each int8 linear', () => {
    const weights = packed();
    const graph = trace(
      (input: Tensor) => F.linearDynamic(input, weights, { scheme: 'perTensor', activation: 'relu' }),
      { x },
    );
    expect(after(splitLinearDynamic, graph)).toMatchInlineSnapshot(`
      "graph(%self : Function,
            %x : Float(2, 4)):
        %_packed_params.1 : LinearPackedParamsBase = prim::GetAttr[name="_packed_params"](%self)
        %codes.1 : Byte(2, 4), %scales.1 : Float(*), %zero_points.1 : Int(*) = octavo::quantize_dynamic[scheme=perTensor, reduceRange=0](%x)
        %6 : Float(2, 3) = octavo::linear_quantized[activation=relu](%codes.1, %scales.1, %zero_points.1, %_packed_params.1)
        return (%6)
      "
    `);
  });
});

describe('shareEqualNodes', () => {
  it('shares one quantized input among linears that read it alike', () => {
    const [q, k, v] = [packed(), packed(), packed()];
    const model = (input: Tensor) => [
      F.linearDynamic(input, q),
      F.linearDynamic(input, k),
      F.linearDynamic(input, v, { scheme: 'perTensor' }),
    ];
    expect(after(shareEqualNodes, splitLinearDynamic(trace(model, { x })))).toMatchInlineSnapshot(`
      "graph(%self : model,
            %x : Float(2, 4)):
        %_packed_params.1 : LinearPackedParamsBase = prim::GetAttr[name="_packed_params"](%self)
        %codes.1 : Byte(2, 4), %scales.1 : Float(*), %zero_points.1 : Int(*) = octavo::quantize_dynamic[scheme=perRow, reduceRange=0](%x)
        %6 : Float(2, 3) = octavo::linear_quantized(%codes.1, %scales.1, %zero_points.1, %_packed_params.1)
        %_packed_params_1.1 : LinearPackedParamsBase = prim::GetAttr[name="_packed_params_1"](%self)
        %8 : Float(2, 3) = octavo::linear_quantized(%codes.1, %scales.1, %zero_points.1, %_packed_params_1.1)
        %_packed_params_2.1 : LinearPackedParamsBase = prim::GetAttr[name="_packed_params_2"](%self)
        %codes.2 : Byte(2, 4), %scales.2 : Float(*), %zero_points.2 : Int(*) = octavo::quantize_dynamic[scheme=perTensor, reduceRange=0](%x)
        %13 : Float(2, 3) = octavo::linear_quantized(%codes.2, %scales.2, %zero_points.2, %_packed_params_2.1)
        return (%6, %8, %13) # output0, output1, output2
      "
    `);
  });

  it('merges equal constants, and no others', () => {
    const large = floats([2000]);
    const model = (input: Tensor) =>
      F.add(F.add(F.mul(input, 2), F.mul(input, 2)), F.add(F.mul(large, 1), F.mul(large, 1)));
    expect(after((g) => removeDeadCode(shareEqualNodes(g)), trace(model, { x: floats([1]) }))).toMatchInlineSnapshot(`
      "graph(%self : model,
            %x : Float(1)):
        %2 : Float() = prim::Constant[value={2.}]()
        %3 : Float(1) = aten::mul(%x, %2)
        %4 : Float(1) = aten::add(%3, %3)
        %5 : Float(2000) = prim::Constant[value=<Tensor>]()
        %6 : Float() = prim::Constant[value={1.}]()
        %7 : Float(2000) = aten::mul(%5, %6)
        %8 : Float(2000) = aten::add(%7, %7)
        %9 : Float(2000) = aten::add(%4, %8)
        return (%9)
      "
    `);
  });

  it('keeps nodes apart that differ in an attribute, a dtype or a sign of zero', () => {
    const model = (input: Tensor) => [
      F.softmax(input, 0),
      F.softmax(input, 1),
      F.add(input, 0),
      F.add(input, -0),
      F.cat([F.to(input, 'int32'), Tensor.from([[1, 2, 3, 4]], { dtype: 'int32' })]),
      F.cat([input, Tensor.from([[1, 2, 3, 4]])]),
    ];
    const graph = trace(model, { x });
    const before = graph.print();
    expect(after(shareEqualNodes, graph)).toBe(before);
  });
});
