import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { F, float16FromFloat32, float16ToFloat32, nn, type OctavoError, Tensor } from '@octavo/core';
import { float16DynamicQConfig, perRowDynamicQConfig } from '@octavo/observers';
import { afterAll, describe, expect, test } from 'vitest';
import {
  coverage,
  DynamicQuantizedLinear,
  Float16Linear,
  Float16LSTM,
  loadQuantized,
  modelSize,
  quantizeDynamic,
  saveQuantized,
} from '../../src/index.js';
import { bits, ids, noise, tinyModel } from '../support/models.js';

const folder = mkdtempSync(join(tmpdir(), 'octavo-float16-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A weight as its float16 says. */
function rounded(weight: Tensor): Tensor {
  const values = Float32Array.from(weight.data as Float32Array, (x) => float16ToFloat32(float16FromFloat32(x)));
  return new Tensor('float32', values, weight.dims);
}

/** A float module whose weights are what float16 keeps of them. */
function roundedTwin<M extends nn.Module>(module: M): M {
  const twin = nn.cloneModule(module);
  for (const [name, tensor] of [...twin.namedTensors()]) {
    if (name.startsWith('weight')) (twin as unknown as Record<string, Tensor>)[name] = rounded(tensor);
  }
  return twin;
}

const sequence = noise([4, 2, 6], 5);

describe('float16 modules have the bits of float modules with rounded weights', () => {
  test('Linear', () => {
    const linear = new nn.Linear(7, 5);
    const half = quantizeDynamic(linear, null, { dtype: 'float16' }) as unknown as Float16Linear;
    expect(half).toBeInstanceOf(Float16Linear);
    expect(half.weight.type).toBe('float16');
    expect(bits(half.call(noise([3, 7])))).toEqual(bits(roundedTwin(linear).call(noise([3, 7]))));
  });

  test.each([
    ['LSTM', new nn.LSTM(6, 5, { numLayers: 2, bidirectional: true })],
    ['LSTM with projections and without biases', new nn.LSTM(6, 5, { projSize: 3, bias: false })],
    ['GRU', new nn.GRU(6, 5)],
  ])('%s', (_, module: nn.LSTM | nn.GRU) => {
    const half = quantizeDynamic(module as nn.Module, null, { dtype: 'float16' });
    expect(bits(half.call(sequence)[0])).toEqual(bits(roundedTwin(module as nn.Module).call(sequence)[0]));
  });

  test.each([
    ['LSTMCell', new nn.LSTMCell(6, 5)],
    ['GRUCell', new nn.GRUCell(6, 5, { bias: false })],
    ['RNNCell', new nn.RNNCell(6, 5, { nonlinearity: 'relu' })],
  ])('%s', (_, module: nn.Module) => {
    const half = quantizeDynamic(module, null, { dtype: 'float16' });
    const [x, y] = [half, roundedTwin(module)].map((each) => [each.call(noise([2, 6]))].flat()[0] as Tensor);
    expect(bits(x as Tensor)).toEqual(bits(y as Tensor));
  });
});

test("weights saturate at float16's largest number, and broken ones are refused", () => {
  const linear = new nn.Linear(3, 1, { bias: false });
  linear.weight = Tensor.from([[1e6, -1e6, 65519]]);
  const half = Float16Linear.fromFloat(linear);
  expect(F.toFloat(half.weight).toArray()).toEqual([[65504, -65504, 65504]]);
  linear.weight = Tensor.from([[1, Number.NaN, 2]]);
  const refused = (): unknown => quantizeDynamic(new nn.Sequential(linear), null, { dtype: 'float16' });
  expect(refused).toThrow('[quantizeDynamic] 0: weight: element 1 is NaN');
});

test('prints as PyTorch does', () => {
  const model = new nn.Sequential(new nn.Linear(8, 2), new nn.LSTM(8, 20));
  expect(String(quantizeDynamic(model, [nn.LSTM, nn.Linear], { dtype: 'float16' }))).toBe(
    'Sequential(\n  (0): DynamicQuantizedLinear(in_features=8, out_features=2, dtype=torch.float16)\n' +
      '  (1): DynamicQuantizedLSTM(8, 20)\n)',
  );
});

describe('models', () => {
  test('some modules in float16, some in int8, by qconfig', () => {
    const q = quantizeDynamic(tinyModel(), { '': float16DynamicQConfig, sub: perRowDynamicQConfig, 'layers.0': null });
    expect(q.sub.fc1).toBeInstanceOf(DynamicQuantizedLinear);
    expect(q.classifier).toBeInstanceOf(Float16Linear);
    const rows = coverage(q).rows.filter(({ path }) => /^(sub.fc1|classifier|layers.0.fc1)$/.test(path));
    expect(rows.map(({ precision }) => precision)).toEqual(['int8', 'float32', 'float16']);
    expect(rows[2]).toMatchObject({ reason: 'float16 weights, float32 arithmetic', multiplyAdds: 48 });
  });

  test('save and load with the same bits, at half the size, into a float, an int8 or no model', async () => {
    const path = join(folder, 'model.safetensors');
    const model = new nn.Sequential(new nn.Linear(128, 128), new nn.Linear(128, 64));
    const half = quantizeDynamic(model, [nn.Linear], { dtype: 'float16' });
    expect(await saveQuantized(half, path)).toBe(modelSize(half));
    expect(modelSize(model) / modelSize(half)).toBeGreaterThan(1.9);
    for (const into of [undefined, model, quantizeDynamic(model), half]) {
      const loaded = await loadQuantized(path, into);
      expect(String(loaded)).toBe(String(half));
      expect(bits(loaded.call(noise([2, 128])))).toEqual(bits(half.call(noise([2, 128]))));
    }
    await saveQuantized(model, path);
    expect((await loadQuantized(path, half)).at(0)).toBeInstanceOf(nn.Linear);
  });

  test.each([
    new nn.LSTM(6, 5, { projSize: 3 }),
    new nn.GRU(6, 5),
    new nn.LSTMCell(6, 5),
    new nn.GRUCell(6, 5),
    new nn.RNNCell(6, 5, { nonlinearity: 'relu' }),
  ])('%s comes back from a file', async (module: nn.Module) => {
    const path = join(folder, `${module.typeName}.safetensors`);
    const half = quantizeDynamic(module, null, { dtype: 'float16' });
    await saveQuantized(half, path);
    const loaded = await loadQuantized(path);
    const first = (each: nn.Module): Tensor =>
      [each.call(module.typeName.endsWith('Cell') ? noise([2, 6]) : sequence)].flat()[0];
    expect(bits(first(loaded))).toEqual(bits(first(half)));
    expect(loaded.constructor).toBe(half.constructor);
  });

  test('quantizing twice says so', () => {
    const half = quantizeDynamic(tinyModel(), null, { dtype: 'float16' });
    expect(bits(half.call(ids([[1, 2]])))).toHaveLength(6);
    const again = (): unknown => quantizeDynamic(half, { '': float16DynamicQConfig });
    expect(again).toThrow('are quantized already' satisfies OctavoError['message']);
    expect(Float16LSTM.fromFloat(new nn.LSTM(2, 2)).extraRepr()).toBe('2, 2');
  });
});
