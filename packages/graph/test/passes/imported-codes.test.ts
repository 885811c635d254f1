import { DTYPES, Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { Graph } from '../../src/index.js';
import type { Attributes } from '../../src/ir/attributes.js';
import { attributeSpec, constantSpec } from '../../src/ir/leaf-nodes.js';
import type { Value } from '../../src/ir/value.js';
import { type TensorType, tensorType } from '../../src/ir/value-type.js';
import { removeDeadCode } from '../../src/passes/remove-dead-code.js';
import { settleImported } from '../../src/passes/settle-imported.js';
import { unsignedCodes } from '../../src/passes/unsigned-codes.js';
import { bits, floats } from '../models.js';

const FLOATS = tensorType('float32', [2, 4]);
const INT8 = tensorType('int8', [2, 4]);

/** A graph of x [2, 4] that is written node by node. */
class Written {
  readonly graph = new Graph('Model');
  readonly x = this.graph.addInput('x', FLOATS);

  leaf(tensor: Tensor): Value {
    return this.graph.insert(constantSpec(tensor)).output;
  }

  parameter(name: string, tensor: Tensor): Value {
    this.graph.parameters.set(name, tensor);
    return this.graph.insert(attributeSpec(name, tensor)).output;
  }

  op(op: string, inputs: readonly (Value | null)[], attrs: Attributes, type: TensorType): Value {
    return this.graph.insert({ op, inputs, attrs, outputs: [{ type }] }).output;
  }

  /** Codes of int8, transposed, and floats again: ONNX's nodes, with one scale. */
  moved(scale: Value): Graph {
    const qparams = [scale, this.leaf(new Tensor('int8', Int8Array.of(-3), []))];
    const attrs = { axis: 1, blockSize: 0 };
    const codes = this.op('octavo::quantize_linear', [this.x, ...qparams], { ...attrs, dtype: DTYPES.int8.code }, INT8);
    const moved = this.op('aten::permute', [codes], { dims: [1, 0] }, tensorType('int8', [4, 2]));
    this.graph.addOutput(
      'y',
      this.op('octavo::dequantize_linear', [moved, ...qparams], attrs, tensorType('float32', [4, 2])),
    );
    return this.graph;
  }

  /** A linear whose weight a file holds as codes. */
  linear(x: Value): Graph {
    const codes = this.parameter(
      'fc.weight_quantized',
      new Tensor(
        'int8',
        Int8Array.from({ length: 8 }, (_, i) => i - 4),
        [2, 4],
      ),
    );
    const weight = this.op(
      'octavo::dequantize_linear',
      [codes, this.leaf(Tensor.from([0.5, 0.25])), null],
      { axis: 0, blockSize: 0 },
      FLOATS,
    );
    this.graph.addOutput('y', this.op('aten::linear', [x, weight, null], {}, tensorType('float32', [2, 2])));
    return this.graph;
  }
}

const constantScale = (): Graph => {
  const written = new Written();
  return written.moved(written.leaf(new Tensor('float32', Float32Array.of(0.02), [])));
};

describe('unsignedCodes', () => {
  it('makes quint8 of int8 codes, 128 higher, and the floats that they were', () => {
    const before = constantScale();
    expect(before.print()).toMatchInlineSnapshot(`
      "graph(%self : Model,
            %x : Float(2, 4)):
        %2 : Float() = prim::Constant[value={0.019999999552965164}]()
        %3 : Char() = prim::Constant[value={-3}]()
        %4 : Char(2, 4) = octavo::quantize_linear[axis=1, blockSize=0, dtype=int8](%x, %2, %3)
        %5 : Char(4, 2) = aten::permute[dims=[1, 0]](%4)
        %6 : Float(4, 2) = octavo::dequantize_linear[axis=1, blockSize=0](%5, %2, %3)
        return (%6) # y
      "
    `);
    const after = removeDeadCode(unsignedCodes(before.clone()));
    expect(after.print()).toMatchInlineSnapshot(`
      "graph(%self : Model,
            %x : Float(2, 4)):
        %2 : Float(1) = prim::Constant[value={0.019999999552965164}]()
        %3 : Byte(1) = prim::Constant[value={125}]()
        %4 : QUInt8(2, 4) = octavo::quantize_linear[axis=1, blockSize=0, dtype=uint8](%x, %2, %3)
        %5 : QUInt8(4, 2) = aten::permute[dims=[1, 0]](%4)
        %6 : Float(1) = prim::Constant[value={0.019999999552965164}]()
        %7 : Int(1) = prim::Constant[value={125}]()
        %8 : Float(4, 2) = aten::dequantize[axis=-1](%5, %6, %7)
        return (%8) # y
      "
    `);
    expect(removeDeadCode(unsignedCodes(after.clone())).print()).toBe(after.print());
    const x = floats([2, 4], 3, 4);
    expect(bits(after.run({ x }).y)).toEqual(bits(before.run({ x }).y));
  });

  it('leaves codes alone whose scale is computed', () => {
    const written = new Written();
    const graph = written.moved(
      written.op('aten::mean', [written.x], { dims: [0, 1], keepDim: 0 }, tensorType('float32', [])),
    );
    const printed = graph.print();
    expect(unsignedCodes(graph).print()).toBe(printed);
  });
});

describe('settleImported', () => {
  it('makes floats of the weights of a model that holds no other codes', () => {
    const written = new Written();
    const before = written.linear(written.x);
    expect(before.print()).toMatchInlineSnapshot(`
      "graph(%self : Model,
            %x : Float(2, 4)):
        %weight_quantized.1 : Char(2, 4) = prim::GetAttr[name="fc.weight_quantized"](%self)
        %3 : Float(2) = prim::Constant[value=<Tensor>]()
        %4 : Float(2, 4) = octavo::dequantize_linear[axis=0, blockSize=0](%weight_quantized.1, %3, None)
        %5 : Float(2, 2) = aten::linear(%x, %4, None)
        return (%5) # y
      "
    `);
    const after = removeDeadCode(settleImported(before.clone()));
    expect(after.stage).toBe('float');
    expect(after.print()).toMatchInlineSnapshot(`
      "graph(%self : Model,
            %x : Float(2, 4)):
        %weight.1 : Float(2, 4) = prim::GetAttr[name="fc.weight"](%self)
        %3 : Float(2, 2) = aten::linear(%x, %weight.1, None)
        return (%3) # y
      "
    `);
    expect(removeDeadCode(settleImported(after.clone())).print()).toBe(after.print());
    const x = floats([2, 4], 3);
    expect(bits(after.run({ x }).y)).toEqual(bits(before.run({ x }).y));
  });

  it('says of a model with codes that it is quantized, and keeps its weights as codes', () => {
    const written = new Written();
    const graph = written.linear(written.x);
    const zero = written.leaf(new Tensor('uint8', Uint8Array.of(0), []));
    const attrs = { axis: 1, blockSize: 0, dtype: DTYPES.uint8.code };
    const codes = written.op(
      'octavo::quantize_linear',
      [written.x, written.leaf(Tensor.from(0.1)), zero],
      attrs,
      tensorType('uint8', [2, 4]),
    );
    graph.addOutput('codes', codes);
    const printed = graph.print();
    expect(settleImported(graph).stage).toBe('quantized');
    expect(graph.print()).toBe(printed);
    const [linear] = [...graph.nodes()].filter(({ op }) => op === 'aten::linear');
    expect(linear?.note).toBe('its input is not quantized in the ONNX file');
  });
});
