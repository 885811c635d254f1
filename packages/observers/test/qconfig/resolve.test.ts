import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import {
  perRowDynamicQConfig as a,
  defaultDynamicQConfig as b,
  perChannelDynamicQConfig as c,
  resolveQConfig,
} from '../../src/index.js';

const PATHS = ['', 'sub', 'sub.fc1', 'sub.fc2', 'sub.fc2.inner', 'sub.fc3', 'other', 'subway'];

describe('resolveQConfig', () => {
  test('a module takes its own entry, or that of the nearest module around it; null stops and is inherited', () => {
    const resolved = resolveQConfig({ '': a, sub: b, 'sub.fc1': c, 'sub.fc2': null }, PATHS);
    expect(Object.fromEntries(resolved)).toEqual({
      '': a,
      sub: b,
      'sub.fc1': c,
      'sub.fc2': null,
      'sub.fc2.inner': null,
      'sub.fc3': b,
      other: a,
      subway: a,
    });
  });

  test('a deeper entry works below null', () => {
    const resolved = resolveQConfig({ sub: null, 'sub.fc2.inner': a }, PATHS);
    expect([resolved.get('sub.fc1'), resolved.get('sub.fc2.inner'), resolved.get('other')]).toEqual([null, a, null]);
  });

  test('explain says which entry won', () => {
    const resolved = resolveQConfig({ sub: b, 'sub.fc1': c, 'sub.fc2': null }, PATHS);
    expect(resolved.explain('sub.fc1')).toBe('perChannelDynamicQConfig: its own entry');
    expect(resolved.explain('sub.fc3')).toBe("defaultDynamicQConfig: the entry of 'sub'");
    expect(resolved.explain('sub.fc2')).toBe('float: its own entry is null');
    expect(resolved.explain('sub.fc2.inner')).toBe("float: the entry of 'sub.fc2' is null");
    expect(resolved.explain('other')).toBe('float: no entry covers it');
    expect(resolveQConfig({ '': a }, PATHS).explain('other')).toBe('perRowDynamicQConfig: the entry of the model');
    expect(() => resolved.get('othr')).toThrow("did you mean 'other'?");
  });

  test('unknown names and wrong values are errors', () => {
    expect(() => resolveQConfig({ 'sub.fc9': a }, PATHS)).toThrow(
      "qconfig for 'sub.fc9': the model has no such module; did you mean",
    );
    expect(() => resolveQConfig({ constructor: a } as never, PATHS)).toThrow('no such module');
    expect(() => resolveQConfig({ sub: undefined } as never, PATHS)).toThrow("qconfig for 'sub': expected a qconfig");
    expect(() => resolveQConfig({ sub: 'perRow' } as never, PATHS)).toThrow("got 'perRow' (qconfigByName('perRow')");
  });

  property.prop([fc.uniqueArray(fc.constantFrom(...PATHS)), fc.constantFrom(...PATHS)])(
    'the deepest entry at or above a path decides',
    (keys, path) => {
      const dict = Object.fromEntries(keys.map((key, i) => [key, [a, b, c, null][i % 4] as typeof a | null]));
      const above = keys.filter((key) => key === '' || key === path || path.startsWith(`${key}.`));
      const deepest = above.sort((p, q) => q.length - p.length)[0];
      expect(resolveQConfig(dict, PATHS).get(path)).toBe(deepest === undefined ? null : dict[deepest]);
    },
  );
});
