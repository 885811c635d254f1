import { DTYPES, LinearPackedParams, QuantizedTensor, Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { Graph } from '../../src/index.js';
import type { Attributes } from '../../src/ir/attributes.js';
import { attributeSpec, constantSpec } from '../../src/ir/leaf-nodes.js';
import type { Value } from '../../src/ir/value.js';
import { tensorType } from '../../src/ir/value-type.js';
import { foldClamps } from '../../src/passes/fold-clamps.js';
import { bits, floats } from '../models.js';

const QPARAMS = { scale: 0.05, zeroPoint: 100 };
const X = { xScale: QPARAMS.scale, xZeroPoint: QPARAMS.zeroPoint };
const CODES = tensorType('quint8', [2, 4]);

type Step = readonly [op: string, attrs: Attributes];

/** x [2, 4] in codes, an int8 op of them, and what stands behind it. */
function graphOf(op: 'quantized::linear' | 'quantized::add', own: Attributes, ...behind: readonly Step[]): Graph {
  const graph = new Graph('Model');
  const x = graph.addInput('x', tensorType('float32', [2, 4]));
  const leaf = (tensor: Tensor): Value => graph.insert(constantSpec(tensor)).output;
  const insert = (name: string, inputs: readonly Value[], attrs: Attributes, type = CODES): Value =>
    graph.insert({ op: name, inputs, attrs, outputs: [{ type }] }).output;
  const zeroPoint = new Tensor('int32', Int32Array.of(100), [1]);
  const codes = insert('aten::quantize_per_tensor', [x, leaf(Tensor.from([0.05])), leaf(zeroPoint)], {
    dtype: DTYPES.uint8.code,
  });
  let y: Value;
  if (op === 'quantized::add') {
    const operands = { aScale: 0.05, aZeroPoint: 100, bScale: 0.05, bZeroPoint: 100 };
    y = insert(op, [codes, codes], { ...operands, ...QPARAMS, relu: 0, ...own });
  } else {
    const weight = new QuantizedTensor('qint8', new Tensor('int8', Int8Array.of(...WEIGHT), [4, 4]), {
      scales: Float32Array.of(0.04),
      zeroPoints: Int32Array.of(0),
      axis: null,
    });
    const packed = new LinearPackedParams(weight, null);
    graph.parameters.set('fc._packed_params', packed);
    const weights = graph.insert(attributeSpec('fc._packed_params', packed)).output;
    y = insert(op, [codes, weights], { ...X, ...QPARAMS, ...own });
  }
  for (const [name, attrs] of behind) y = insert(name, [y], attrs);
  graph.addOutput(
    'y',
    insert(
      'aten::dequantize',
      [y, leaf(Tensor.from([0.05])), leaf(zeroPoint)],
      { axis: -1 },
      tensorType('float32', [2, 4]),
    ),
  );
  return graph;
}

const WEIGHT = Array.from({ length: 16 }, (_, i) => ((i * 37) % 251) - 125);

const clamp = (min: number, max: number): Step => ['quantized::clamp', { ...X, min, max }];
const relu: Step = ['quantized::relu', { xZeroPoint: QPARAMS.zeroPoint }];

/** The ops on codes behind the quantize node, with their activations. */
function opsOf(graph: Graph): string[] {
  return [...graph.nodes()]
    .filter(({ op }) => op.startsWith('quantized::'))
    .map(({ op, attrs }) => [op.slice(11), attrs.activation || attrs.relu || ''].join(' ').trim());
}

describe('foldClamps', () => {
  it('puts a clamp into the epilogue that has its limits', () => {
    const graph = graphOf('quantized::linear', {}, clamp(0, 6));
    expect(graph.print()).toMatchInlineSnapshot(`
      "graph(%self : Model,
            %x : Float(2, 4)):
        %2 : Float(1) = prim::Constant[value={0.05000000074505806}]()
        %3 : Int(1) = prim::Constant[value={100}]()
        %4 : QUInt8(2, 4) = aten::quantize_per_tensor[dtype=quint8](%x, %2, %3)
        %_packed_params.1 : LinearPackedParamsBase = prim::GetAttr[name="fc._packed_params"](%self)
        %6 : QUInt8(2, 4) = quantized::linear[xScale=0.05, xZeroPoint=100, scale=0.05, zeroPoint=100](%4, %_packed_params.1)
        %7 : QUInt8(2, 4) = quantized::clamp[xScale=0.05, xZeroPoint=100, min=0., max=6.](%6)
        %8 : Float(1) = prim::Constant[value={0.05000000074505806}]()
        %9 : Int(1) = prim::Constant[value={100}]()
        %10 : Float(2, 4) = aten::dequantize[axis=-1](%7, %8, %9)
        return (%10) # y
      "
    `);
    expect(foldClamps(graph).print()).toMatchInlineSnapshot(`
      "graph(%self : Model,
            %x : Float(2, 4)):
        %2 : Float(1) = prim::Constant[value={0.05000000074505806}]()
        %3 : Int(1) = prim::Constant[value={100}]()
        %4 : QUInt8(2, 4) = aten::quantize_per_tensor[dtype=quint8](%x, %2, %3)
        %_packed_params.1 : LinearPackedParamsBase = prim::GetAttr[name="fc._packed_params"](%self)
        %6 : QUInt8(2, 4) = quantized::linear[xScale=0.05, xZeroPoint=100, scale=0.05, zeroPoint=100, activation=relu6](%4, %_packed_params.1)
        %7 : Float(1) = prim::Constant[value={0.05000000074505806}]()
        %8 : Int(1) = prim::Constant[value={100}]()
        %9 : Float(2, 4) = aten::dequantize[axis=-1](%6, %7, %8)
        return (%9) # y
      "
    `);
    const again = graph.print();
    expect(foldClamps(graph).print()).toBe(again);
  });

  it.each([
    ['relu', 'quantized::linear', {}, [relu], ['linear 1']],
    ['relu of a sum', 'quantized::add', {}, [relu], ['add 1']],
    ['bounds within half a step of those of relu6', 'quantized::linear', {}, [clamp(-0.01, 6.01)], ['linear 3']],
    ['an upper bound above all codes', 'quantized::linear', {}, [clamp(0, 8)], ['linear 1']],
    ['bounds beyond all codes', 'quantized::add', {}, [clamp(-6, 8)], ['add']],
    ['two clamps that are one together', 'quantized::linear', {}, [relu, clamp(-1, 6)], ['linear 3']],
    ['a clamp that the op has already', 'quantized::linear', { activation: 1 }, [relu], ['linear 1']],
    ['other bounds', 'quantized::linear', {}, [clamp(-1, 1)], ['linear', 'clamp']],
    ['relu6 of a sum, whose op has relu alone', 'quantized::add', {}, [clamp(0, 6)], ['add', 'clamp']],
    [
      'bounds that leave nothing of its own',
      'quantized::linear',
      { activation: 1 },
      [clamp(-3, -2)],
      ['linear 1', 'clamp'],
    ],
  ] as const)('%s: the same codes', (_, op, own, behind, expected) => {
    const before = graphOf(op, own, ...behind);
    const after = foldClamps(before.clone());
    expect(opsOf(after)).toEqual(expected);
    const x = floats([2, 4], 4, 9);
    expect(bits(after.run({ x }).y)).toEqual(bits(before.run({ x }).y));
    expect(foldClamps(after.clone()).print()).toBe(after.print());
  });

  it('leaves a clamp alone whose operand another node reads', () => {
    const graph = graphOf('quantized::linear', {}, clamp(0, 6));
    const [linear] = [...graph.nodes()].filter(({ op }) => op === 'quantized::linear');
    graph.addOutput('codes', linear?.output as Value);
    const printed = graph.print();
    expect(foldClamps(graph).print()).toBe(printed);
  });
});
