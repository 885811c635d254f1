import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nn, Tensor } from '@octavo/core';
import { readSafetensors, writeQuantizedFile } from '@octavo/core/node';
import { defaultDynamicQConfig, perRowDynamicQConfig } from '@octavo/observers';
import { afterAll, describe, expect, test } from 'vitest';
import { loadQuantized, modelSize, quantizeDynamic, registerModule, saveQuantized } from '../../src/index.js';
import { bits, ids, noise, TinyModel, tinyModel } from '../support/models.js';

const folder = mkdtempSync(join(tmpdir(), 'octavo-eager-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string) => join(folder, name);
const sentence = ids([
  [1, 2, 3],
  [9, 8, 7],
]);

describe('saveQuantized and loadQuantized', () => {
  test('a model of nn classes loads without a float model, with the same bits', async () => {
    const model = quantizeDynamic(
      new nn.Sequential(
        new nn.Linear(6, 8),
        new nn.GELU(),
        new nn.LayerNorm(8),
        new nn.Dropout(0.1),
        new nn.Linear(8, 2),
      ),
      { 0: perRowDynamicQConfig, 4: defaultDynamicQConfig },
    );
    await saveQuantized(model, file('sequential.safetensors'));
    const loaded = await loadQuantized(file('sequential.safetensors'));
    expect(String(loaded)).toBe(String(model));
    expect(loaded.training).toBe(false);
    expect(bits(loaded.call(noise([5, 6])))).toEqual(bits(model.call(noise([5, 6]))));
  });

  test('a model of another class is filled into a float one or a quantized one', async () => {
    const q = quantizeDynamic(tinyModel(), { '': perRowDynamicQConfig, classifier: null, sub: defaultDynamicQConfig });
    await saveQuantized(q, file('tiny.safetensors'));
    const float = tinyModel(99);
    const before = String(float);
    for (const into of [
      float,
      quantizeDynamic(tinyModel(77)),
      quantizeDynamic(tinyModel(5), [nn.Linear], { qconfig: defaultDynamicQConfig }),
    ]) {
      const loaded = await loadQuantized(file('tiny.safetensors'), into);
      expect(loaded).not.toBe(into);
      expect(String(loaded)).toBe(String(q));
      expect(bits(loaded.call(sentence))).toEqual(bits(q.call(sentence)));
    }
    expect(String(float)).toBe(before);
  });

  test('a registered class needs no model', async () => {
    const q = quantizeDynamic(tinyModel(4, 8));
    await expect(loadQuantized(file('tiny.safetensors'))).rejects.toThrow(
      /is a TinyModel, a class that cannot be built/,
    );
    registerModule(TinyModel, { config: ({ width }) => ({ width }), build: ({ width }) => new TinyModel(width) });
    await saveQuantized(q, file('registered.safetensors'));
    const loaded = await loadQuantized(file('registered.safetensors'));
    expect(loaded).toBeInstanceOf(TinyModel);
    expect(bits(loaded.call(sentence))).toEqual(bits(q.call(sentence)));
    class Other extends TinyModel {}
    expect(() =>
      registerModule(Other, { config: () => null, build: () => new Other() }, { name: 'TinyModel' }),
    ).toThrow('is the name of another class');
  });

  test('a float model can be saved too', async () => {
    const model = tinyModel();
    await saveQuantized(model, file('float.safetensors'));
    const loaded = await loadQuantized(file('float.safetensors'), tinyModel(8));
    expect(bits(loaded.call(sentence))).toEqual(bits(model.call(sentence)));
  });

  test('modelSize is the size of the file, and int8 is near a quarter', async () => {
    const model = new nn.Sequential(new nn.Linear(256, 256), new nn.Linear(256, 256));
    const q = quantizeDynamic(model);
    const written = await saveQuantized(q, file('size.safetensors'));
    expect(written).toBe(statSync(file('size.safetensors')).size);
    expect(modelSize(q)).toBe(written);
    expect(modelSize(model) / modelSize(q)).toBeGreaterThan(3.7);
  });

  test('any safetensors reader lists it', async () => {
    const { tensors, metadata } = await readSafetensors(file('size.safetensors'));
    expect(tensors['0._packed_params.weight']?.dims).toEqual([256, 256]);
    expect(JSON.parse(metadata.modules ?? '')).toMatchObject({ type: 'Sequential' });
  });

  test('a model that does not fit is named', async () => {
    await expect(loadQuantized(file('tiny.safetensors'), tinyModel(1, 8))).rejects.toThrow(
      /STATE_DICT|expected|classifier/,
    );
    await expect(
      loadQuantized(file('size.safetensors'), new nn.Sequential(new nn.Linear(256, 256))),
    ).resolves.toBeDefined();
    const longer = new nn.Sequential(new nn.Linear(256, 256), new nn.Linear(256, 256), new nn.ReLU());
    await expect(loadQuantized(file('size.safetensors'), longer)).rejects.toThrow(
      "at '2' the file has nothing, the model ReLU",
    );
    const other = new nn.Sequential(new nn.ReLU(), new nn.Linear(256, 256));
    await expect(loadQuantized(file('size.safetensors'), other)).rejects.toThrow(
      "at '0' the file has DynamicQuantizedLinear, the model ReLU",
    );
  });

  test('files that hold something else, or are damaged', async () => {
    await expect(loadQuantized(file('absent.safetensors'))).rejects.toThrow('no such file');
    await writeQuantizedFile(file('graph.safetensors'), {
      tensors: { w: Tensor.zeros([2]) },
      metadata: { graph: '{}' },
    });
    await expect(loadQuantized(file('graph.safetensors'))).rejects.toThrow('loadGraph of @octavo/graph');
    await writeQuantizedFile(file('no-tree.safetensors'), {
      tensors: {},
      metadata: { kind: 'octavo.eager', modules: '[1' },
    });
    await expect(loadQuantized(file('no-tree.safetensors'))).rejects.toThrow('tree of modules');
    const bytes = readFileSync(file('size.safetensors'));
    writeFileSync(file('cut.safetensors'), bytes.subarray(0, bytes.length - 100));
    await expect(loadQuantized(file('cut.safetensors'))).rejects.toThrow('truncated');
    await expect(saveQuantized({} as never, file('x'))).rejects.toThrow('expected a module');
  });
});
