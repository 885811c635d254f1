import { describe, expect, test } from 'vitest';
import {
  perRowDynamicQConfig as a,
  defaultDynamicQConfig as b,
  perChannelDynamicQConfig as c,
  defaultQConfig as d,
  getDefaultQConfig,
  QConfigMapping,
  resolveQConfig,
} from '../../src/index.js';

const MODULES = new Map([
  ['', 'Model'],
  ['body', 'Sequential'],
  ['body.0', 'Linear'],
  ['body.1', 'ReLU'],
  ['body.2', 'Linear'],
  ['head', 'Head'],
  ['head.fc', 'Linear'],
]);

const decided = (mapping: QConfigMapping) =>
  Object.fromEntries([...mapping.resolve(MODULES)].map(([path, qconfig]) => [path, qconfig?.name ?? null]));

describe('QConfigMapping', () => {
  test('each kind of rule wins over those before it, as in PyTorch', () => {
    const mapping = new QConfigMapping().setGlobal(a);
    expect(mapping.explain('body.2', { type: 'Linear', index: 1 })).toBe('perRowDynamicQConfig: the global rule');
    mapping.setObjectType('Linear', b);
    mapping.setModuleNameRegex('body\\.\\d', c);
    expect(decided(mapping)).toMatchObject({ body: a.name, 'body.1': c.name, 'body.2': c.name, 'head.fc': b.name });
    mapping.setModuleName('body.2', d);
    mapping.setModuleNameObjectTypeOrder('body', 'Linear', 0, null);
    expect(decided(mapping)).toEqual({
      '': a.name,
      body: a.name,
      'body.0': null,
      'body.1': c.name,
      'body.2': d.name,
      head: a.name,
      'head.fc': b.name,
    });
  });

  test('explain says which rule won and which lost', () => {
    const mapping = new QConfigMapping()
      .setGlobal(a)
      .setObjectType(class Linear {}, b)
      .setModuleNameRegex(/body.*/, c)
      .setModuleName('body', null);
    expect(mapping.explain('body.0', { type: 'Linear' })).toBe(
      "float: the path 'body' is null (before the pattern /body.*/, the type Linear, the global rule)",
    );
    const resolved = mapping.resolve(MODULES);
    expect(resolved.explain('head.fc')).toBe('defaultDynamicQConfig: the type Linear (before the global rule)');
    expect(resolved.keyOf('head.fc')).toBe('the type Linear');
    expect(new QConfigMapping().resolve(MODULES).explain('head')).toBe('float: no rule covers it');
    expect(String(mapping)).toBe(
      "QConfigMapping {\n  the path 'body': float\n  the pattern /body.*/: perChannelDynamicQConfig\n" +
        '  the type Linear: defaultDynamicQConfig\n  the global rule: perRowDynamicQConfig\n}',
    );
  });

  test('the deepest path decides; of patterns the first; they match at the start', () => {
    const mapping = new QConfigMapping().setModuleName('body', a).setModuleName('body.1', b);
    expect(decided(mapping)).toMatchObject({ body: a.name, 'body.0': a.name, 'body.1': b.name, head: null });
    const patterns = new QConfigMapping()
      .setModuleNameRegex('fc', a)
      .setModuleNameRegex('head', b)
      .setModuleNameRegex('h', c);
    expect(decided(patterns)).toMatchObject({ head: b.name, 'head.fc': b.name, body: null });
  });

  test('positions count the children of one module', () => {
    const mapping = new QConfigMapping()
      .setModuleNameObjectTypeOrder('body', 'Linear', 1, a)
      .setModuleNameObjectTypeOrder('', 'Head', 0, b);
    expect(decided(mapping)).toMatchObject({ 'body.0': null, 'body.2': a.name, head: b.name, 'head.fc': null });
  });

  test('goes where a dictionary goes', () => {
    const mapping = new QConfigMapping().setGlobal(getDefaultQConfig('x86'));
    expect(resolveQConfig(mapping, MODULES.keys()).get('head')).toBe(getDefaultQConfig('x86'));
    expect(resolveQConfig(mapping.setObjectType('Linear', null), MODULES).get('head.fc')).toBeNull();
    expect(resolveQConfig({ '': a }, MODULES).get('head')).toBe(a);
  });

  test('what is wrong is named', () => {
    const mapping = new QConfigMapping();
    expect(() => mapping.setGlobal('x86' as never)).toThrow("got 'x86' (qconfigByName('x86') looks names up)");
    expect(() => mapping.setModuleName('', a)).toThrow('use setGlobal');
    expect(() => mapping.setModuleNameRegex('(', a)).toThrow("'(' is no pattern");
    expect(() => mapping.setModuleNameObjectTypeOrder('body', 'Linear', -1, a)).toThrow('index must be an integer');
    expect(() => new QConfigMapping().setModuleName('bodi', a).resolve(MODULES)).toThrow("did you mean 'body'?");
    expect(() => new QConfigMapping().setObjectType('Linear', a).resolve(MODULES.keys())).toThrow('rules by type');
  });
});
