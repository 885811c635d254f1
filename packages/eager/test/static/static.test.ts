import { cloneModule, F, nn, Q, type QuantizedTensor, quantizePerTensor, Tensor } from '@octavo/core';
import {
  defaultDynamicQConfig,
  defaultPerChannelSymmetricQnnpackQConfig,
  getDefaultQConfig,
  MinMaxObserver,
  type QConfig,
  QConfigMapping,
  sqnr,
} from '@octavo/observers';
import { describe, expect, test, vi } from 'vitest';
import {
  convert,
  coverage,
  DeQuantStub,
  FloatFunctional,
  fuseModules,
  OnCodes,
  prepare,
  print,
  propagateQConfig,
  type QConfigSpec,
  type QuantizedConv,
  QuantStub,
  QuantWrapper,
  quantize,
  STATIC_SWAPS,
  type Swap,
  swapModule,
} from '../../src/index.js';
import { bits, noise, type ShortcutNet, shortcutNet } from '../support/models.js';

const x = noise([4, 3, 8, 8], 9);

function converted(model: ShortcutNet = shortcutNet(), inputs: readonly Tensor[] = [x]): ShortcutNet {
  const prepared = prepare(fuseModules(model, { inputs: [x] }));
  for (const input of inputs) prepared.call(input);
  return convert(prepared);
}

describe('prepare, calibrate, convert', () => {
  test('every module between the stubs computes on codes, near the float model', () => {
    const float = shortcutNet();
    const before = print(float);
    const int8 = converted(float);
    expect(print(int8)).toMatchInlineSnapshot(`
      "ShortcutNet(
        (quant): Quantize(scale=0.04345156252384186, zero_point=66, dtype=torch.quint8)
        (conv1): QuantizedConv2dReLU6(3, 6, kernel_size=(3, 3), stride=(1, 1), scale=0.011124037206172943, zero_point=0, padding=(1, 1))
        (bn1): Identity()
        (relu1): Identity()
        (conv2): QuantizedConv2d(6, 6, kernel_size=(3, 3), stride=(1, 1), scale=0.018848128616809845, zero_point=77, padding=(0, 0, 2, 2), groups=6)
        (bn2): Identity()
        (skip): QFunctional(scale=0.014754134230315685, zero_point=0)
        (pool): AdaptiveAvgPool2d(output_size=2)
        (flatten): Flatten(start_dim=1, end_dim=-1)
        (fc): QuantizedLinear(in_features=24, out_features=4, scale=0.003913495223969221, zero_point=95, qscheme=torch.per_channel_affine)
        (dequant): DeQuantize()
      )"
    `);
    expect(sqnr(float.call(x), int8.call(x))).toBeGreaterThan(30);
    expect(print(float)).toBe(before);
    expect(coverage(int8).rows.every(({ precision }) => precision === 'int8')).toBe(true);
  });

  test('observers see what comes behind a fused relu6, and the codes stop at that of 6', () => {
    const model = new QuantWrapper(new nn.Sequential(new nn.Conv2d(1, 1, 1), new nn.ReLU6()));
    const conv = (model.module as nn.Sequential).at(0) as nn.Conv2d;
    conv.weight = Tensor.from([[[[10]]]]);
    conv.bias = Tensor.from([0]);
    const prepared = prepare(fuseModules(model));
    const ramp = new Tensor(
      'float32',
      Float32Array.from({ length: 64 }, (_, i) => i / 16 - 2),
      [1, 1, 8, 8],
    );
    prepared.call(ramp);
    const int8 = convert(prepared);
    const { scale, zeroPoint } = (int8.module as nn.Sequential).at(0) as QuantizedConv;
    // 7-bit codes of fbgemm's qconfig over [0, 6].
    expect(zeroPoint).toBe(0);
    expect(scale).toBeCloseTo(6 / 127, 3);
    const y = int8.call(ramp).data as Float32Array;
    expect(Math.max(...y)).toBe(Math.fround(Math.fround(scale) * Math.round(6 / scale)));
  });

  test('the codes are those of the ops with the observers’ scales', () => {
    const linear = new nn.Linear(5, 3);
    const prepared = prepare(new QuantWrapper(linear));
    const input = noise([7, 5], 2);
    prepared.call(input);
    const int8 = convert(prepared);
    const { scale, zeroPoint, packed } = int8.module as unknown as { scale: number; zeroPoint: number; packed: never };
    const stub = int8.quant as unknown as { scale: number; zeroPoint: number };
    const codes = quantizePerTensor(input, stub.scale, stub.zeroPoint);
    const expected = Q.linear(codes, packed, { scale, zeroPoint });
    const actual = int8.module.call(codes as never) as unknown as QuantizedTensor;
    expect(actual.values.data).toEqual(expected.values.data);
  });

  test('quantize does it in one call, with data that comes asynchronously', async () => {
    const fused = fuseModules(shortcutNet(), { inputs: [x] });
    const int8 = await quantize(fused, async (prepared) => {
      await Promise.resolve();
      prepared.call(x);
    });
    expect(bits(int8.call(x))).toEqual(bits(converted().call(x)));
  });

  test('in place, the model itself is changed', () => {
    const model = fuseModules(shortcutNet(), { inputs: [x] });
    expect(prepare(model, { inplace: true })).toBe(model);
    model.call(x);
    expect(convert(model, { inplace: true })).toBe(model);
    expect(bits(model.call(x))).toEqual(bits(converted().call(x)));
  });

  test('a module’s own qconfig wins over the path’s, and null keeps it float', () => {
    const model = new nn.Sequential(
      new QuantStub(),
      new nn.Linear(4, 4),
      new nn.Linear(4, 4),
      new DeQuantStub(),
      new nn.Linear(4, 2),
      new nn.Softmax(),
    );
    const perTensor = getDefaultQConfig('qnnpack');
    (model.at(1) as nn.Module).qconfig = perTensor;
    const input = noise([3, 4]);
    const prepared = prepare(model, { qconfig: { '': getDefaultQConfig('fbgemm'), 1: null, 4: null } });
    prepared.call(input);
    const int8 = convert(prepared);
    expect(print(int8)).toContain('(1): QuantizedLinear(in_features=4, out_features=4');
    expect(print(int8.at(1) as nn.Module)).toContain('per_tensor_affine');
    expect(print(int8.at(2) as nn.Module)).toContain('per_channel_affine');
    int8.call(input);
    expect(coverage(int8).rows.slice(-2)).toEqual([
      { path: '4', op: 'Linear', precision: 'float32', reason: 'its own entry is null', multiplyAdds: 8 },
      { path: '5', op: 'Softmax', precision: 'float32', reason: 'float values reach it: it lies outside the stubs' },
    ]);
  });

  test('rules choose by type and by pattern; a module’s own qconfig goes to what lies in it', () => {
    const body = new nn.Sequential(new nn.Linear(4, 4), new nn.Hardswish(), new nn.Linear(4, 4));
    const [perChannel, perTensor] = [getDefaultQConfig('fbgemm'), getDefaultQConfig('qnnpack')];
    const ofWrapper = (spec: QConfigSpec, own?: QConfig) => {
      const model = cloneModule(new QuantWrapper(body));
      if (own !== undefined) model.module.qconfig = own;
      propagateQConfig(model, spec);
      return [...model.namedModules()].map(([path, { qconfig }]) => [path, qconfig]);
    };
    const rules = new QConfigMapping().setGlobal(perChannel).setObjectType(nn.Hardswish, null);
    expect(ofWrapper(rules.setModuleNameRegex('module.2', perTensor))).toEqual([
      ['', perChannel],
      ['quant', perChannel],
      ['dequant', perChannel],
      ['module', perChannel],
      ['module.0', perChannel],
      ['module.1', null],
      ['module.2', perTensor],
    ]);
    const owned = ofWrapper({ '': perChannel, 'module.2': null }, perTensor);
    expect(owned.slice(3)).toEqual([
      ['module', perTensor],
      ['module.0', perTensor],
      ['module.1', perTensor],
      ['module.2', null],
    ]);
  });

  test('a module that is held twice stays one', () => {
    const shared = new nn.Linear(3, 3);
    const prepared = prepare(new QuantWrapper(new nn.Sequential(shared, new nn.ReLU(), shared)));
    prepared.call(noise([2, 3]));
    const body = convert(prepared).module as nn.Sequential;
    expect(body.at(2)).toBe(body.at(0));
  });

  test('hooks stay, but for the observer', () => {
    const model = new QuantWrapper(new nn.Linear(3, 3));
    let calls = 0;
    model.module.registerForwardHook(() => void calls++);
    const prepared = prepare(model);
    prepared.call(noise([2, 3]));
    const int8 = convert(prepared);
    expect(int8.module.forwardHooks.size).toBe(1);
    int8.call(noise([2, 3]));
    expect(calls).toBe(2);
  });
});

describe('custom mappings', () => {
  /** x², whose codes' form is a product. */
  class Square extends nn.Module<(x: Tensor) => Tensor> {
    forward(v: Tensor): Tensor {
      return F.mul(v, v);
    }
  }
  class QuantizedSquare extends nn.Module<(x: QuantizedTensor) => QuantizedTensor> {
    constructor(readonly output: Q.OutputQParams) {
      super();
    }
    forward(v: QuantizedTensor): QuantizedTensor {
      return Q.mul(v, v, this.output);
    }
  }
  const square: Swap<Square, QuantizedSquare> = {
    float: Square,
    quantized: QuantizedSquare,
    observes: 'output',
    fromFloat: (_module, _qconfig, output) => new QuantizedSquare(output as Q.OutputQParams),
    describe: () => 'a product of codes',
  };

  test('a row of your own makes a module of yours quantize', () => {
    const model = new QuantWrapper(new nn.Sequential(new nn.Linear(4, 4), new Square()));
    const input = noise([5, 4]);
    const mapping = [square as unknown as Swap, ...STATIC_SWAPS];
    const prepared = prepare(model, { mapping });
    prepared.call(input);
    const int8 = convert(prepared, { mapping });
    expect((int8.module as nn.Sequential).at(1)).toBeInstanceOf(QuantizedSquare);
    expect(sqnr(model.call(input), int8.call(input))).toBeGreaterThan(25);
    // Without the row it stays float, and says so where codes reach it.
    const plain = prepare(model);
    plain.call(input);
    expect(() => convert(plain).call(input)).toThrow(/^module\.1: \[aten::mul\] got a QuantizedTensor/);
    expect(coverage(convert(plain)).rows.find(({ op }) => op === 'Square')).toMatchObject({
      precision: 'float32',
      reason: 'no static int8 form',
    });
  });

  test('swapModule swaps one prepared module', () => {
    const model = prepare(new QuantWrapper(new nn.Linear(4, 2)));
    model.call(noise([3, 4]));
    const qconfig = getDefaultQConfig('fbgemm');
    expect(swapModule(model.module, qconfig, STATIC_SWAPS).typeName).toBe('QuantizedLinear');
    expect(swapModule(model.module, null, STATIC_SWAPS)).toBe(model.module);
  });
});

describe('modules on codes', () => {
  const image = noise([2, 4, 6, 6], 4);
  const cases: [nn.Module, Tensor][] = [
    [new nn.ReLU(), image],
    [new nn.ReLU6(), image],
    [new nn.Hardtanh(-0.5, 0.75), image],
    [new nn.Sigmoid(), image],
    [new nn.Hardsigmoid(), image],
    [new nn.Tanh(), image],
    [new nn.Softmax(), image],
    [new nn.Hardswish(), image],
    [new nn.ELU(0.7), image],
    [new nn.CELU(1.3), image],
    [new nn.LeakyReLU(0.2), image],
    [new nn.LayerNorm([6, 6]), image],
    [new nn.GroupNorm(2, 4), image],
    [new nn.InstanceNorm1d(4, { affine: true }), noise([2, 4, 9])],
    [new nn.InstanceNorm2d(4), image],
    [new nn.InstanceNorm3d(2), noise([1, 2, 3, 4, 5])],
    [new nn.BatchNorm1d(4), noise([5, 4])],
    [new nn.BatchNorm2d(4), image],
    [new nn.BatchNorm3d(2), noise([1, 2, 3, 4, 5])],
    [new nn.MaxPool1d(2), noise([2, 3, 8])],
    [new nn.MaxPool2d(2, { padding: 1 }), image],
    [new nn.MaxPool3d(2), noise([1, 2, 4, 4, 4])],
    [new nn.AvgPool1d(3), noise([2, 3, 9])],
    [new nn.AvgPool2d(2), image],
    [new nn.AvgPool3d(2), noise([1, 2, 4, 4, 4])],
    [new nn.AdaptiveAvgPool1d(2), noise([2, 3, 9])],
    [new nn.AdaptiveAvgPool2d(3), image],
    [new nn.AdaptiveAvgPool3d(1), noise([1, 2, 4, 4, 4])],
    [new nn.Upsample({ scaleFactor: 2 }), image],
    [new nn.Upsample({ size: [4, 9], mode: 'bilinear' }), image],
    [new nn.GELU(), image],
    [new nn.ZeroPad1d(2), noise([2, 3, 8])],
    [new nn.ZeroPad2d([0, 1, 2, 1]), image],
    [new nn.ZeroPad3d(1), noise([1, 2, 3, 4, 4])],
    [new nn.Flatten(), image],
    [new nn.Dropout(0.5), image],
    [new nn.Conv1d(3, 4, 3, { padding: 1 }), noise([2, 3, 8])],
    [new nn.Conv3d(2, 3, 2), noise([1, 2, 4, 4, 4])],
    [new nn.ConvTranspose1d(3, 4, 3, { stride: 2, outputPadding: 1 }), noise([2, 3, 8])],
    [new nn.ConvTranspose2d(4, 3, 2), image],
    [new nn.Sequential(new nn.BatchNorm2d(4), new nn.ReLU()), image],
  ];
  test.each(cases.map(([module, input]) => [module.typeName, module, input] as const))(
    '%s is near its float form',
    (_name, module, input) => {
      const model = fuseModules(new QuantWrapper(module));
      const prepared = prepare(model, { qconfig: minMax });
      prepared.call(input);
      const int8 = convert(prepared);
      expect(sqnr(model.call(input), int8.call(input))).toBeGreaterThan(28);
      const inner = int8.module.typeName === 'Sequential' ? (int8.module as nn.Sequential).at(0) : int8.module;
      expect(inner).not.toBe(module);
      for (const { precision } of coverage(int8).rows) expect(precision).toBe('int8');
    },
  );
  const minMax = { ...getDefaultQConfig('onednn'), activation: MinMaxObserver.withArgs({ dtype: 'quint8' }) };

  test('a form that shares its input’s scale takes float tensors as well', () => {
    const pool = new OnCodes(new nn.MaxPool2d(2));
    expect(bits(pool.call(image) as Tensor)).toEqual(bits(new nn.MaxPool2d(2).call(image)));
  });
});

describe('FloatFunctional', () => {
  class Functions extends nn.Module<(x: Tensor) => Tensor> {
    quant: nn.Module = new QuantStub();
    dequant: nn.Module = new DeQuantStub();
    f = new FloatFunctional();
    constructor(readonly run: (f: FloatFunctional, x: Tensor) => Tensor) {
      super();
    }
    forward(input: Tensor): Tensor {
      return this.dequant.call(this.run(this.f, this.quant.call(input)));
    }
  }
  const input = noise([6, 6], 21);
  test.each<[string, (f: FloatFunctional, x: Tensor) => Tensor]>([
    ['add', (f, v) => f.add(v, v)],
    ['addRelu', (f, v) => f.addRelu(v, v)],
    ['mul', (f, v) => f.mul(v, v)],
    ['matmul', (f, v) => f.matmul(v, v)],
    ['cat', (f, v) => f.cat([v, v], 1)],
    ['addScalar', (f, v) => f.add(f.addScalar(v, 0.5), v)],
    ['mulScalar', (f, v) => f.add(f.mulScalar(v, -2), v)],
  ])('%s on codes is near the float function', (_name, run) => {
    const model = new Functions(run);
    const prepared = prepare(model);
    prepared.call(input);
    const int8 = convert(prepared);
    expect(int8.f.typeName).toBe('QFunctional');
    expect(sqnr(model.call(input), int8.call(input))).toBeGreaterThan(28);
  });

  test('it is no function of its own', () => {
    expect(() => new FloatFunctional().call()).toThrow('call one of its functions');
  });
});

describe('classic failures name the module and the remedy', () => {
  const input = noise([2, 4]);
  const stubless = () => new nn.Sequential(new nn.Linear(4, 4), new nn.Sequential(new nn.Linear(4, 2)));

  test('a forgotten QuantStub', () => {
    const prepared = prepare(stubless());
    prepared.call(input);
    expect(() => convert(prepared).call(input)).toThrow(
      /^0: \[quantized::linear\] x must be a QuantizedTensor.*QuantStub/,
    );
  });

  test('codes that leave the model or reach a float module without a DeQuantStub', () => {
    const model = new nn.Sequential(new QuantStub(), new nn.Linear(4, 4), new nn.Sequential(new nn.SiLU()));
    const prepared = prepare(model);
    prepared.call(input);
    expect(() => convert(prepared).call(input)).toThrow(/^2\.0: \[aten::silu\] got a QuantizedTensor.*DeQuantStub/);
  });

  test('an add without FloatFunctional', () => {
    class Block extends nn.Module<(x: Tensor) => Tensor> {
      fc = new nn.Linear(4, 4);
      forward(v: Tensor): Tensor {
        return F.add(v, this.fc.call(v));
      }
    }
    const prepared = prepare(new QuantWrapper(new nn.Sequential(new Block())));
    prepared.call(input);
    expect(() => convert(prepared).call(input)).toThrow(/^module\.0: \[aten::add\].*FloatFunctional/);
  });

  test('no calibration data seen', () => {
    expect(() => convert(prepare(new QuantWrapper(new nn.Linear(4, 4))))).toThrow(
      /^\[convert\] quant: its observer saw no data: run calibration inputs/,
    );
  });

  test('convert without prepare, and prepare twice', () => {
    expect(() => convert(stubless())).toThrow('has no observers; call prepare');
    expect(() => prepare(prepare(stubless()))).toThrow('has observers already');
  });

  test('a module without a static form, which stays float, in the report', () => {
    const model = new nn.Sequential(
      new QuantStub(),
      new nn.Linear(4, 4),
      new DeQuantStub(),
      new nn.SiLU(),
      new nn.GELU(),
    );
    const prepared = prepare(model);
    prepared.call(input);
    const int8 = convert(prepared);
    int8.call(input);
    expect(coverage(int8).rows.slice(-2)).toEqual([
      { path: '3', op: 'SiLU', precision: 'float32', reason: 'no static int8 form' },
      {
        path: '4',
        op: 'QuantizedGELU',
        precision: 'float32',
        reason: 'float values reach it: it lies outside the stubs',
      },
    ]);
  });

  test('a batch norm that was not fused', () => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    prepare(new QuantWrapper(new nn.Sequential(new nn.Conv2d(1, 1, 1), new nn.BatchNorm2d(1))));
    const said = warnings.mock.calls.map(([message]) => String(message));
    warnings.mockRestore();
    expect(said).toEqual([
      expect.stringMatching(/^\[prepare\] batch norms follow module\.0 unfused.*fuseModules\(model\) before prepare/),
    ]);
  });

  test('training mode', () => {
    const model = stubless();
    (model.at(1) as nn.Module).train();
    expect(() => prepare(model)).toThrow(/^\[prepare\] 1 is in training mode; call model.eval\(\)/);
  });

  test('qconfigs that static kernels cannot use', () => {
    expect(() => prepare(stubless(), { qconfig: defaultDynamicQConfig })).toThrow(/^\[prepare\] 0:.*quantizeDynamic/);
    expect(() => prepare(stubless(), { qconfig: defaultPerChannelSymmetricQnnpackQConfig })).toThrow(
      /activations must be observed as quint8/,
    );
    const model = stubless();
    model.qconfig = { observer: 'minmax' };
    expect(() => prepare(model)).toThrow('expected a qconfig');
    expect(() => prepare(stubless(), { qconfig: { nine: getDefaultQConfig('fbgemm') } })).toThrow('no such module');
  });

  test('options that do not exist', () => {
    const qconfigs = { '': getDefaultQConfig('fbgemm') };
    expect(() => prepare(stubless(), qconfigs as never)).toThrow(
      "unknown option '' (known: inplace, qconfig, mapping, quantizable)",
    );
    expect(() => convert(stubless(), { qconfig: null } as never)).toThrow("[convert] unknown option 'qconfig'");
    expect(() => fuseModules(stubless(), { input: [] } as never)).toThrow("did you mean 'inputs'?");
  });

  test('a model without anything to quantize', () => {
    expect(() => prepare(new nn.Sequential(new nn.SiLU()))).toThrow('nothing to quantize in Sequential');
  });

  test('inputs of another dtype, and codes given to a stub', () => {
    const int8 = converted();
    expect(() => int8.call(Tensor.zeros([1, 3, 8, 8], 'int32'))).toThrow(
      /^quant: \[Quantize\] x must be float32, got int32/,
    );
    const codes = quantizePerTensor(x, 0.1, 0);
    expect(() => int8.call(codes as never)).toThrow(/^quant: .*quantized already/);
    expect(() => int8.dequant.call(x)).toThrow('x is float already');
  });
});
