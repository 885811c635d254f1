import { Tensor } from '@octavo/core';
import { describe, expect, it } from 'vitest';
import { importOnnx } from '../../src/index.js';
import { Graph } from '../../src/ir/graph.js';
import { constantSpec } from '../../src/ir/leaf-nodes.js';
import { tensorType } from '../../src/ir/value-type.js';
import { fuseOnnxDynamic } from '../../src/passes/fuse-onnx-dynamic.js';
import { removeDeadCode } from '../../src/passes/remove-dead-code.js';
import { floats, floatsOf } from '../models.js';
import { modelBytes, tensorProto } from '../onnx/build-model.js';

/** x [rows, 3] times a weight [3, 2] as ONNX Runtime's dynamic quantizer writes it. */
function written(weight: Tensor, zeroPoint: Tensor): Graph {
  const graph = new Graph('Written');
  const x = graph.addInput('x', tensorType('float32', null));
  const float = tensorType('float32', null);
  const types = [tensorType('uint8', null), float, tensorType('uint8', null)];
  const op = (name: string, inputs: readonly unknown[], outputs = [float], attrs = {}) =>
    graph.insert({ op: name, inputs: inputs as never, outputs: outputs.map((type) => ({ type })), attrs }).outputs;
  const leaf = (tensor: Tensor) => graph.insert(constantSpec(tensor)).output;
  const [codes, scale, zero] = op('octavo::dynamic_quantize_linear', [x], types);
  const [w, weightScale, weightZero] = [weight, Tensor.from([0.5, 0.25]), zeroPoint].map(leaf);
  const sums = op('octavo::matmul_integer', [codes, w, zero, weightZero], [tensorType('int32', null)]);
  const cast = op('aten::to', sums, [float], { dtype: 0 });
  const scaled = op('aten::mul', [...cast, ...op('aten::mul', [scale, weightScale])]);
  graph.addOutput('y', op('aten::add', [leaf(Tensor.from([1, -1])), ...scaled])[0] as never);
  return graph;
}

const signed = (): Graph =>
  written(new Tensor('int8', Int8Array.of(1, -2, 3, 4, -5, 127), [3, 2]), new Tensor('int8', new Int8Array(2), [2]));

describe('fuseOnnxDynamic', () => {
  it('makes one int8 linear of codes, integer product, scales and bias', () => {
    const graph = signed();
    expect(graph.print()).toMatchInlineSnapshot(`
      "graph(%self : Written,
            %x : Float(*)):
        %2 : Byte(*), %3 : Float(*), %4 : Byte(*) = octavo::dynamic_quantize_linear(%x)
        %5 : Char(3, 2) = prim::Constant[value=<Tensor>]()
        %6 : Float(2) = prim::Constant[value=<Tensor>]()
        %7 : Char(2) = prim::Constant[value=<Tensor>]()
        %8 : Int(*) = octavo::matmul_integer(%2, %5, %4, %7)
        %9 : Float(*) = aten::to[dtype=float32](%8)
        %10 : Float(*) = aten::mul(%3, %6)
        %11 : Float(*) = aten::mul(%9, %10)
        %12 : Float(2) = prim::Constant[value=<Tensor>]()
        %13 : Float(*) = aten::add(%12, %11)
        return (%13) # y
      "
    `);
    expect(removeDeadCode(fuseOnnxDynamic(graph)).print()).toMatchInlineSnapshot(`
      "graph(%self : Written,
            %x : Float(*)):
        %_packed_params.1 : LinearPackedParamsBase = prim::GetAttr[name="_packed_params"](%self)
        %3 : Float(*) = quantized::linear_dynamic[scheme=onnx, reduceRange=0](%x, %_packed_params.1)
        return (%3) # y
      "
    `);
    const again = graph.print();
    expect(removeDeadCode(fuseOnnxDynamic(graph)).print()).toBe(again);
  });

  it.each([
    ['int8', signed],
    [
      'uint8',
      () =>
        written(
          new Tensor('uint8', Uint8Array.of(1, 200, 3, 4, 255, 127), [3, 2]),
          new Tensor('uint8', Uint8Array.of(128), []),
        ),
    ],
  ] as const)('keeps what weights of %s give', (_, make) => {
    const feeds = { x: floats([4, 3], 5) };
    const before = floatsOf(make().run(feeds).y);
    const after = floatsOf(removeDeadCode(fuseOnnxDynamic(make())).run(feeds).y);
    // One rounding less: of a sum of at most 2^8.
    after.forEach((value, i) => {
      expect(Math.abs(value - (before[i] as number))).toBeLessThanOrEqual(2 ** -15);
    });
  });

  it('leaves a product of codes alone whose weight is computed', async () => {
    const graph = await importOnnx(
      modelBytes({
        inputs: { x: ['n', 3], w: [3, 2] },
        types: { w: 3 },
        initializers: [tensorProto('s', [], [0.5])],
        nodes: [
          { op: 'DynamicQuantizeLinear', in: ['x'], out: ['c', 'sx', 'zx'] },
          { op: 'MatMulInteger', in: ['c', 'w', 'zx'], out: ['i'] },
          { op: 'Cast', in: ['i'], out: ['f'], attrs: { to: 1 } },
          { op: 'Mul', in: ['sx', 's'], out: ['m'] },
          { op: 'Mul', in: ['f', 'm'], out: ['y'] },
        ],
        outputs: ['y'],
      }),
    );
    expect(graph.print()).toContain('octavo::matmul_integer');
  });
});
