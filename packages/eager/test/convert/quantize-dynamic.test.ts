import { F, nn, type OctavoError, Tensor } from '@octavo/core';
import {
  defaultDynamicQConfig,
  defaultQConfig,
  float16DynamicQConfig,
  perChannelDynamicQConfig,
  perRowDynamicQConfig,
} from '@octavo/observers';
import { describe, expect, test } from 'vitest';
import { DynamicQuantizedLinear, print, quantizeDynamic } from '../../src/index.js';
import { Block, bits, ids, noise, type TinyModel, tinyModel } from '../support/models.js';

const LINEARS = ['sub.fc1', 'sub.fc2', 'layers.0.fc1', 'layers.0.fc2', 'layers.1.fc1', 'layers.1.fc2', 'classifier'];

/** Paths of int8 modules. */
function int8Paths(model: nn.Module): string[] {
  return [...model.namedModules()].flatMap(([path, module]) =>
    module instanceof DynamicQuantizedLinear ? [path] : [],
  );
}

function at(model: nn.Module, path: string): DynamicQuantizedLinear {
  return model.getSubmodule(path) as DynamicQuantizedLinear;
}

describe('what is quantized', () => {
  test('all linears by our default where nothing is said', () => {
    const q = quantizeDynamic(tinyModel());
    expect(int8Paths(q)).toEqual(LINEARS);
    expect(at(q, 'sub.fc1').config).toMatchObject({ scheme: 1, reduceRange: 0, perChannel: true });
    expect(quantizeDynamic(tinyModel(), null)).toBeDefined();
  });

  test('by type, with a qconfig', () => {
    for (const spec of [[nn.Linear], new Set([nn.Linear])]) {
      const q = quantizeDynamic(tinyModel(), spec, { qconfig: defaultDynamicQConfig });
      expect(int8Paths(q)).toEqual(LINEARS);
      expect(at(q, 'classifier').config).toMatchObject({ scheme: 0, reduceRange: 1, perChannel: false });
    }
  });

  test('by the type of a container', () => {
    const q = quantizeDynamic(tinyModel(), [Block]);
    expect(int8Paths(q)).toEqual(LINEARS.slice(0, -1));
  });

  test('by name: a name covers what is below it', () => {
    expect(int8Paths(quantizeDynamic(tinyModel(), ['layers.1', 'classifier']))).toEqual([
      'layers.1.fc1',
      'layers.1.fc2',
      'classifier',
    ]);
  });

  test('by a map of names: the deepest entry decides, and null is inherited', () => {
    const q = quantizeDynamic(tinyModel(), {
      '': perRowDynamicQConfig,
      sub: defaultDynamicQConfig,
      'sub.fc1': perChannelDynamicQConfig,
      'sub.fc2': null,
      layers: null,
      'layers.1.fc2': perRowDynamicQConfig,
    });
    expect(int8Paths(q)).toEqual(['sub.fc1', 'layers.1.fc2', 'classifier']);
    expect(at(q, 'sub.fc1').config).toMatchObject({ scheme: 0, perChannel: true });
    expect(at(q, 'classifier').config).toMatchObject({ scheme: 1 });
  });

  test('without an entry for the model only what is named', () => {
    expect(int8Paths(quantizeDynamic(tinyModel(), { sub: perRowDynamicQConfig }))).toEqual(['sub.fc1', 'sub.fc2']);
  });

  test('by a Map of types and names: a name wins over a type', () => {
    const spec = new Map<typeof nn.Linear | string, typeof perRowDynamicQConfig | null>([
      [nn.Linear, perChannelDynamicQConfig],
      ['classifier', null],
      ['sub.fc1', perRowDynamicQConfig],
    ]);
    const q = quantizeDynamic(tinyModel(), spec);
    expect(int8Paths(q)).toEqual(LINEARS.slice(0, -1));
    expect(at(q, 'sub.fc1').config.scheme).toBe(1);
    expect(at(q, 'sub.fc2').config.scheme).toBe(0);
  });

  test('subclasses of Linear are left alone: they may compute something else', () => {
    class Scaled extends nn.Linear {
      override forward(x: Tensor): Tensor<'float32'> {
        return F.mul(super.forward(x), 2);
      }
    }
    const model = new nn.Sequential(new Scaled(4, 4), new nn.Linear(4, 2));
    expect(int8Paths(quantizeDynamic(model))).toEqual(['1']);
  });

  test('a model that is one linear comes back quantized', () => {
    const linear = new nn.Linear(4, 2);
    const q = quantizeDynamic(linear) as nn.Module;
    expect(q).toBeInstanceOf(DynamicQuantizedLinear);
    expect(() => quantizeDynamic(linear, null, { inplace: true })).toThrow('cannot be swapped in place');
  });

  test('a linear that lies in two places stays one', () => {
    const shared = new nn.Linear(4, 4);
    const q = quantizeDynamic(new nn.Sequential(shared, new nn.ReLU(), shared));
    expect(q.at(0)).toBe(q.at(2));
    const split = quantizeDynamic(new nn.Sequential(shared, shared), { 0: perRowDynamicQConfig, 1: null });
    expect(split.at(0)).toBeInstanceOf(DynamicQuantizedLinear);
    expect(split.at(1)).toBeInstanceOf(nn.Linear);
  });
});

describe('copy and in place', () => {
  test('the float model is left as it was', () => {
    const model = tinyModel();
    const before = { text: String(model), y: bits(model.call(ids([[1, 2, 3]]))) };
    const weight = model.classifier.weight;
    const q = quantizeDynamic(model);
    expect(q).not.toBe(model);
    expect(String(model)).toBe(before.text);
    expect(model.classifier.weight).toBe(weight);
    expect(bits(model.call(ids([[1, 2, 3]])))).toEqual(before.y);
  });

  test('in place changes the model itself, to the same bits', () => {
    const model = tinyModel();
    const copy = quantizeDynamic(model);
    expect(quantizeDynamic(model, null, { inplace: true })).toBe(model);
    expect(int8Paths(model)).toEqual(LINEARS);
    expect(bits(model.call(ids([[1, 2, 3]])))).toEqual(bits(copy.call(ids([[1, 2, 3]]))));
  });

  test('an error in place leaves the model whole', () => {
    const model = tinyModel();
    model.classifier.weight.data.fill(Number.NaN as never);
    expect(() => quantizeDynamic(model, null, { inplace: true })).toThrow('classifier');
    expect(int8Paths(model)).toEqual([]);
  });

  test('hooks go along', () => {
    const model = tinyModel();
    const seen: string[] = [];
    model.classifier.registerForwardHook((module) => void seen.push(module.typeName));
    model.classifier.registerForwardPreHook((module) => void seen.push(`pre ${module.typeName}`));
    quantizeDynamic(model).call(ids([[1]]));
    expect(seen).toEqual(['pre DynamicQuantizedLinear', 'DynamicQuantizedLinear']);
  });
});

describe('bits', () => {
  test('a sentence’s answer does not depend on its batch (perRow)', () => {
    const q = quantizeDynamic(tinyModel());
    const rows = [
      [1, 2, 3],
      [4, 5, 6],
      [10, 0, 7],
    ];
    const together = bits(q.call(ids(rows)));
    rows.forEach((row, i) => {
      expect(bits(q.call(ids([row])))).toEqual(together.slice(i * 9, i * 9 + 9));
    });
  });

  test('int8 stays near float', () => {
    const model = tinyModel();
    const q = quantizeDynamic(model);
    const [a, b] = [model.call(ids([[1, 2, 3, 4]])), q.call(ids([[1, 2, 3, 4]]))].map(
      ({ data }) => data as Float32Array,
    );
    a?.forEach((value, i) => {
      expect(Math.abs(value - (b?.[i] as number))).toBeLessThan(0.1);
    });
  });
});

test('the model prints as in PyTorch', () => {
  const model = new nn.Sequential(new nn.Linear(8, 4), new nn.ReLU(), new nn.Linear(4, 2));
  expect(print(quantizeDynamic(model, { '': perRowDynamicQConfig, 2: null }))).toBe(
    `Sequential(
  (0): DynamicQuantizedLinear(in_features=8, out_features=4, dtype=torch.qint8, qscheme=torch.per_channel_affine)
  (1): ReLU()
  (2): Linear(in_features=4, out_features=2, bias=True)
)`,
  );
});

describe('errors name the place and the remedy', () => {
  const model: TinyModel = tinyModel();
  const failing = (body: () => unknown): OctavoError => {
    try {
      body();
    } catch (error) {
      return error as OctavoError;
    }
    throw new Error('expected an error');
  };

  test.each([
    ['an unknown name', ['clasifier'], 'UNKNOWN_NAME', "has no module 'clasifier'; did you mean 'classifier'?"],
    ['an unknown name in a map', { 'sub.fc3': perRowDynamicQConfig }, 'UNKNOWN_NAME', "did you mean 'sub.fc1'?"],
    ['a type by name', ['Linear'], 'UNKNOWN_NAME', 'give the class, as in [nn.Linear]'],
    [
      'a type without an int8 form',
      [nn.LayerNorm],
      'UNSUPPORTED',
      'LayerNorm has no dynamic int8 form; supported: Linear',
    ],
    ['a name in place of a list', 'classifier', 'INVALID_ARGUMENT', "give ['classifier']"],
    ['a type in place of a list', nn.Linear, 'INVALID_ARGUMENT', 'give [Linear]'],
    ['a number', [3], 'INVALID_ARGUMENT', 'got 3'],
    ['a qconfig by name', { '': 'perRow' }, 'INVALID_ARGUMENT', "qconfigByName('perRow')"],
    [
      'a static qconfig',
      { '': defaultQConfig },
      'UNSUPPORTED',
      'sub.fc1: defaultQConfig is no qconfig for dynamic int8',
    ],
    [
      'an embedding without its dtype',
      [nn.Embedding],
      'UNSUPPORTED',
      'Embedding has no dynamic int8 form; supported: Linear, MultiheadAttention, LSTM, GRU, LSTMCell, GRUCell, RNNCell; Embedding takes dtype quint8 or quint4x2',
    ],
    [
      'nothing below the name',
      ['norm'],
      'UNSUPPORTED',
      'nothing to quantize in TinyModel: no Linear, MultiheadAttention, LSTM, GRU, LSTMCell, GRUCell, RNNCell lies where',
    ],
  ])('%s', (_, spec, code, message) => {
    const error = failing(() => quantizeDynamic(model, spec as never));
    expect(error.message).toContain(message);
    expect(error.code).toBe(code);
  });

  test('options', () => {
    expect(() => quantizeDynamic(model, null, { dtype: 'int8' as never })).toThrow(
      "dtype must be one of qint8, float16, quint8, quint4x2, got 'int8'",
    );
    expect(() => quantizeDynamic(model, null, { dtype: 'qint8', qconfig: float16DynamicQConfig })).toThrow(
      'float16DynamicQConfig makes float16 weights, dtype says qint8; give one of the two',
    );
    expect(() => quantizeDynamic(model, { '': perRowDynamicQConfig }, { dtype: 'float16' })).toThrow(
      'leave options.dtype out',
    );
    expect(() => quantizeDynamic(model, [nn.Linear], { dtype: 'quint8' })).toThrow(
      'Linear has no dynamic quint8 form; supported: Embedding, EmbeddingBag; Linear takes dtype qint8 or float16',
    );
    expect(() => quantizeDynamic(model, null, { inPlace: true } as never)).toThrow("did you mean 'inplace'?");
    expect(() => quantizeDynamic(model, { '': perRowDynamicQConfig }, { qconfig: perRowDynamicQConfig })).toThrow(
      'brings its own qconfigs',
    );
    expect(() => quantizeDynamic({} as never)).toThrow('expected a module');
  });

  test('a model without linears, and one that is int8 already', () => {
    expect(() => quantizeDynamic(new nn.Sequential(new nn.ReLU()))).toThrow('Sequential has no Linear');
    expect(() => quantizeDynamic(quantizeDynamic(model), { '': perRowDynamicQConfig })).toThrow(
      'are quantized already',
    );
  });

  test('a spec of null alone keeps all float', () => {
    expect(int8Paths(quantizeDynamic(model, { '': null }))).toEqual([]);
  });

  test('weights that cannot be quantized', () => {
    const broken = tinyModel();
    (broken.sub.fc2 as nn.Linear).weight = noise([16, 32]);
    ((broken.sub.fc2 as nn.Linear).weight.data as Float32Array)[5] = Number.POSITIVE_INFINITY;
    const error = failing(() => quantizeDynamic(broken));
    expect(error.message).toContain('sub.fc2: weight: element 5 is Infinity');
    expect(error.details.path).toBe('sub.fc2');
    const half = tinyModel();
    half.classifier.weight = new Tensor('float16', new Uint16Array(48), [3, 16]);
    expect(failing(() => quantizeDynamic(half)).message).toContain(
      'classifier: weight: expected float32, got float16 [3, 16]',
    );
  });
});
