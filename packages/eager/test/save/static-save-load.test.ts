import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nn, Tensor } from '@octavo/core';
import { afterAll, describe, expect, test } from 'vitest';
import {
  convert,
  fuseModules,
  loadQuantized,
  modelSize,
  prepare,
  QuantWrapper,
  registerModule,
  saveQuantized,
} from '../../src/index.js';
import { bits, noise, ShortcutNet, shortcutNet } from '../support/models.js';

const folder = mkdtempSync(join(tmpdir(), 'octavo-static-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string) => join(folder, name);

const x = noise([2, 3, 8, 8], 9);

function int8ShortcutNet(): ShortcutNet {
  const prepared = prepare(fuseModules(shortcutNet(), { inputs: [x] }));
  prepared.call(x);
  return convert(prepared);
}

/** Every kind of module that a file must bring back. */
function everything(): nn.Module {
  return new QuantWrapper(
    new nn.Sequential(
      new nn.Conv2d(3, 8, 3, { padding: [0, 0, 1, 1], bias: false }),
      new nn.BatchNorm2d(8),
      new nn.ReLU6(),
      new nn.MaxPool2d(2),
      new nn.BatchNorm2d(8),
      new nn.ReLU(),
      new nn.ConvTranspose2d(8, 4, 2, { stride: 2 }),
      new nn.InstanceNorm2d(4, { affine: true }),
      new nn.Hardswish(),
      new nn.GroupNorm(2, 4),
      new nn.LeakyReLU(0.2),
      new nn.Sigmoid(),
      new nn.AvgPool2d(2, { ceilMode: true }),
      new nn.Upsample({ scaleFactor: 2 }),
      new nn.AdaptiveAvgPool2d(2),
      new nn.Flatten(),
      new nn.Dropout(0.2),
      new nn.LayerNorm(16),
      new nn.Linear(16, 8),
      new nn.ReLU(),
      new nn.Linear(8, 3, { bias: false }),
      new nn.Identity(),
    ),
  );
}

describe('saveQuantized and loadQuantized of static models', () => {
  test('a model of known classes loads without a float model, with the same bits', async () => {
    const prepared = prepare(fuseModules(everything()));
    prepared.call(x);
    const int8 = convert(prepared);
    await saveQuantized(int8, file('everything.safetensors'));
    const loaded = await loadQuantized(file('everything.safetensors'));
    expect(String(loaded)).toBe(String(int8));
    expect(bits(loaded.call(x))).toEqual(bits(int8.call(x)));
  });

  test('a prepared or fused float model loads as well', async () => {
    const fused = fuseModules(everything());
    await saveQuantized(fused, file('fused.safetensors'));
    const loaded = await loadQuantized(file('fused.safetensors'));
    expect(String(loaded)).toBe(String(fused));
    expect(bits(loaded.call(x))).toEqual(bits(fused.call(x)));
  });

  test('a model of another class is filled into an unfused float one, or a quantized one', async () => {
    const int8 = int8ShortcutNet();
    await saveQuantized(int8, file('shortcut.safetensors'));
    const other = int8ShortcutNet();
    (other.fc as unknown as { scale: number }).scale = 1;
    for (const into of [shortcutNet(99), fuseModules(shortcutNet(98), { inputs: [x] }), other]) {
      const before = String(into);
      const loaded = await loadQuantized(file('shortcut.safetensors'), into);
      expect(String(into)).toBe(before);
      expect(String(loaded)).toBe(String(int8));
      expect(bits(loaded.call(x))).toEqual(bits(int8.call(x)));
    }
    await expect(loadQuantized(file('shortcut.safetensors'))).rejects.toThrow('is a ShortcutNet');
    registerModule(ShortcutNet, { config: () => null, build: () => new ShortcutNet() });
    await saveQuantized(int8, file('registered.safetensors'));
    expect(bits((await loadQuantized(file('registered.safetensors'))).call(x))).toEqual(bits(int8.call(x)));
  });

  test('a file of another model is refused', async () => {
    const model = new QuantWrapper(new nn.Sequential(new nn.Linear(3, 3), new nn.MaxPool1d(1)));
    const prepared = prepare(model);
    prepared.call(noise([2, 2, 3]));
    await saveQuantized(convert(prepared), file('linear.safetensors'));
    const conv = new QuantWrapper(new nn.Sequential(new nn.Conv1d(3, 3, 1), new nn.MaxPool1d(1)));
    await expect(loadQuantized(file('linear.safetensors'), conv)).rejects.toThrow(
      "at 'module.0' the file has QuantizedLinear, the model Conv1d",
    );
    const relu = new QuantWrapper(new nn.Sequential(new nn.Linear(3, 3), new nn.Sigmoid()));
    await expect(loadQuantized(file('linear.safetensors'), relu)).rejects.toThrow("at 'module.1' the file has OnCodes");
  });

  test('int8 is near a quarter of float32', () => {
    const float = fuseModules(new QuantWrapper(new nn.Sequential(new nn.Conv2d(64, 64, 3), new nn.ReLU())));
    const prepared = prepare(float);
    prepared.call(noise([1, 64, 4, 4]));
    expect(modelSize(float) / modelSize(convert(prepared))).toBeGreaterThan(3.8);
  });
});

describe('state dicts', () => {
  test('have PyTorch’s keys, with tensors in place of packed objects', () => {
    expect(Object.keys(int8ShortcutNet().stateDict())).toEqual([
      'quant.scale',
      'quant.zero_point',
      ...['weight', 'weight_scales', 'weight_zero_points', 'bias', 'scale', 'zero_point'].map((k) => `conv1.${k}`),
      ...['weight', 'weight_scales', 'weight_zero_points', 'bias', 'scale', 'zero_point'].map((k) => `conv2.${k}`),
      'skip.scale',
      'skip.zero_point',
      'fc.scale',
      'fc.zero_point',
      'fc._packed_params.dtype',
      'fc._packed_params.weight',
      'fc._packed_params.weight_scales',
      'fc._packed_params.weight_zero_points',
      'fc._packed_params.bias',
    ]);
  });

  test('unusable scales and zero points are refused', () => {
    const model = int8ShortcutNet();
    const load = (name: string, tensor: Tensor) => () => model.loadStateDict({ ...model.stateDict(), [name]: tensor });
    expect(load('quant.scale', new Tensor('float32', Float32Array.of(Number.NaN), []))).toThrow('positive scale');
    expect(load('skip.zero_point', new Tensor('int64', BigInt64Array.of(256n), []))).toThrow(
      'zero point from 0 to 255',
    );
    expect(load('conv1.weight_scales', new Tensor('float32', new Float32Array(6), [6]))).toThrow(
      'scales must be positive',
    );
  });
});
