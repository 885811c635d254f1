import { describe, expect, it } from 'vitest';
import { countSpecial, readPairTemplate } from '../../src/text/pair-template.js';

const A = { sequence: 'A', typeId: 0 };

const special = (id: number, typeId = 0) => ({ specialIds: [id], typeId });

describe('readPairTemplate', () => {
  it('reads TemplateProcessing, with special tokens of several ids', () => {
    const template = readPairTemplate(
      {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
        pair: [
          { Sequence: { id: 'B', type_id: 0 } },
          { SpecialToken: { id: '<sep>', type_id: 1 } },
          { Sequence: { id: 'A', type_id: 2 } },
        ],
        special_tokens: { '<s>': { id: '<s>', ids: [7] }, '<sep>': { id: '<sep>', ids: [8, 9] } },
      },
      't.json',
    );
    expect(template.single).toEqual([special(7), A]);
    expect(template.pair).toEqual([
      { sequence: 'B', typeId: 0 },
      { specialIds: [8, 9], typeId: 1 },
      { sequence: 'A', typeId: 2 },
    ]);
    expect(countSpecial(template.pair)).toBe(2);
    expect(countSpecial(template.single)).toBe(1);
  });

  it('reads BertProcessing', () => {
    const template = readPairTemplate({ type: 'BertProcessing', cls: ['[CLS]', 101], sep: ['[SEP]', 102] }, 't.json');
    expect(template.single).toEqual([special(101), A, special(102)]);
    expect(template.pair).toEqual([special(101), A, special(102), { sequence: 'B', typeId: 1 }, special(102, 1)]);
  });

  it('reads RobertaProcessing: two separators, one type', () => {
    const template = readPairTemplate({ type: 'RobertaProcessing', cls: ['<s>', 0], sep: ['</s>', 2] }, 't.json');
    const b = { sequence: 'B', typeId: 0 };
    expect(template.pair).toEqual([special(0), A, special(2), special(2), b, special(2)]);
  });

  it('reads none, and ByteLevel in a Sequence', () => {
    const plain = { single: [A], pair: [A, { sequence: 'B', typeId: 1 }] };
    expect(readPairTemplate(null, 't.json')).toEqual(plain);
    expect(readPairTemplate({ type: 'ByteLevel', trim_offsets: false }, 't.json')).toEqual(plain);
    const bert = { type: 'BertProcessing', cls: ['a', 1], sep: ['b', 2] };
    expect(readPairTemplate({ type: 'Sequence', processors: [{ type: 'ByteLevel' }, bert] }, 't.json')).toEqual(
      readPairTemplate(bert, 't.json'),
    );
  });

  it.each([
    [{ type: 'Fancy' }, 'got Fancy'],
    [{}, 'got undefined'],
    [{ type: 'Sequence', processors: [{ type: 'BertProcessing' }, { type: 'Fancy' }] }, 'BertProcessing, Fancy'],
    [{ type: 'BertProcessing', cls: ['[CLS]'], sep: ['[SEP]', 1] }, 'post_processor.cls: expected a token and its id'],
    [{ type: 'TemplateProcessing', pair: [] }, 'post_processor.single: expected a list of pieces'],
    [{ type: 'TemplateProcessing', single: [{ Word: 1 }], pair: [] }, 'single[0]: expected SpecialToken or Sequence'],
    [
      { type: 'TemplateProcessing', single: [{ Sequence: { id: 'B', type_id: 0 } }], pair: [] },
      'single[0]: expected sequence A',
    ],
    [
      {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: '[X]', type_id: 0 } }],
        pair: [],
        special_tokens: {},
      },
      "special_tokens['[X]'].ids: expected a list of token ids",
    ],
  ])('refuses %j', (json, text) => {
    expect(() => readPairTemplate(json, 'folder/tokenizer.json')).toThrow(
      expect.objectContaining({ code: 'INVALID_FILE', message: expect.stringContaining(text) }),
    );
    expect(() => readPairTemplate(json, 'folder/tokenizer.json')).toThrow(/^folder\/tokenizer\.json: post_processor/);
  });
});
